import Foundation
import Imaging
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import TorchEngine

/// Small networks with weights from a formula, the same as in Tools/fixtures/sam.py.
private enum Tiny {
    static func network(side: Int = 256, window: Int = 14) throws -> SAM {
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: side)
        sizes.windowSize = window
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        let network = Initialization.skipped { SAM(sizes) }
        try network.load(FormulaWeights(for: network))
        network.evaluate()
        return network
    }

    static func input(_ name: String, _ shape: [Int]) throws -> Tensor {
        try FormulaWeights.numbers(name, count: shape.reduce(1, *)).reshaped(shape) * 1.7
    }
}

/// A network and an image of the fixture.
struct EncoderCase: CustomTestStringConvertible, Sendable {
    let name: String
    /// Height and width of the network's input.
    let side: Int
    let window: Int
    let input: [Int]

    var testDescription: String { name }

    static let all = [
        EncoderCase(name: "padded", side: 256, window: 14, input: [2, 3, 256, 256]),
        EncoderCase(name: "even", side: 224, window: 7, input: [1, 3, 224, 224]),
        EncoderCase(name: "resized192", side: 256, window: 14, input: [1, 3, 192, 192]),
        EncoderCase(name: "resized320", side: 256, window: 14, input: [1, 3, 320, 320]),
    ]
}

@Suite("SAM agrees with segment-anything")
struct SAMTests {
    private let golden: Golden

    init() throws {
        golden = try Golden("sam/forward")
    }

    @Test(
        "attention agrees for windows beyond the edge, windows that fit, and tables of another grid",
        arguments: EncoderCase.all)
    func encoder(item: EncoderCase) throws {
        let network = try Tiny.network(side: item.side, window: item.window)
        let input = try Tiny.input(item.name, item.input)
        let embedding = withoutGrad { network.encode(input) }
        expectClose(
            embedding[.all, Span(by: 4)], golden["encoder.\(item.name)"], absolute: 1e-5,
            relativeL2: 1e-5, item.name)
    }

    @Test(
        "logits and IoU estimates of a small SAM agree",
        arguments: ["point", "clicks", "box", "click_and_box", "two_boxes", "mask"], [false, true])
    func decoder(name: String, multimask: Bool) throws {
        let network = try Tiny.network()
        let values = golden.section("prompt").section(name)
        let prompts = PromptTensors(
            points: values.optional("points"), labels: values.optional("labels"),
            boxes: values.optional("boxes"),
            masks: name == "mask"
                ? try FormulaWeights.numbers("mask", count: 64 * 64).reshaped([1, 1, 64, 64]) * 5
                : nil)
        let embedding = try Tiny.input("embedding", [1, 32, 16, 16])
        let masks = withoutGrad {
            network.decode(embedding, prompts: prompts, multimask: multimask)
        }
        let kind = multimask ? "multi" : "single"
        expectClose(
            masks.logits[.rest, Span(by: 2), Span(by: 2)], values["\(kind).logits"], absolute: 1e-5,
            relativeL2: 1e-5, "logits")
        expectClose(masks.iou, values["\(kind).iou"], absolute: 1e-5, relativeL2: 1e-5, "IoU")
    }
}

@Suite("Images and logits are resized as in segment-anything")
struct SAMGeometryTests {
    private static let names = ["landscape", "portrait", "unscaled"]
    private let golden: Golden

    init() throws {
        golden = try Golden("sam/forward").section("image")
    }

    private func geometry(_ name: String) -> InputGeometry {
        let size = golden["\(name).size"].elements(as: Int.self)
        return InputGeometry(
            original: Size(height: size[0], width: size[1]), inputSize: 256, preprocessing: .sam)
    }

    @Test("images are resized to the input", arguments: names)
    func images(name: String) throws {
        let geometry = geometry(name)
        let samples = try FormulaWeights.numbers(name, count: geometry.original.area * 3).floats()
        let image = Image(
            width: geometry.original.width, height: geometry.original.height, channels: 3,
            pixels: samples.map { UInt8(($0 + 1) * 128) })
        let input = Tensor(geometry.prepare(image))
        expectClose(
            input[.rest, Span(by: 5), Span(by: 5)], golden["\(name).input"], absolute: 1e-6, name)
    }

    @Test("clicks and boxes are scaled to the input", arguments: names)
    func prompts(name: String) {
        let geometry = geometry(name)
        let clicks = [(10, 20), (55.5, 130.25), (0, 0)]
            .map { geometry.prepare(PixelPoint(x: $0, y: $1)) }
        #expect(
            clicks.flatMap { [$0.x, $0.y] }
                == golden["\(name).clicks"].elements(as: Double.self))
        let box = geometry.prepare(PixelRectangle(x0: 5, y0: 10, x1: 80.5, y1: 130.75))
        #expect(
            [box.x0, box.y0, box.x1, box.y1] == golden["\(name).box"].elements(as: Double.self))
    }

    @Test("logits are resized to the image", arguments: names)
    func logits(name: String) throws {
        let values = try FormulaWeights.numbers("logits", count: 64 * 64) * 5
        let restored = geometry(name).restoredLogits(
            Planes(channels: 1, height: 64, width: 64, values: values.floats()))
        expectClose(
            Tensor(restored)[.rest, Span(by: 5), Span(by: 5)], golden["\(name).logits"],
            absolute: 1e-5, name)
    }
}

@Suite("SAM has the names and shapes of segment-anything")
struct SAMNamesTests {
    /// The names and shapes in a file of the fixture; numbers of equal blocks are in braces.
    private func listed(_ kind: String) throws -> [String: [Int]] {
        let file = Shared.package.appending(path: "Tests/Fixtures/sam/\(kind).txt")
        var shapes: [String: [Int]] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            let shape = words[1].split(separator: ",").compactMap { Int($0) }
            let parts = words[0].split { "{}".contains($0) }
            guard parts.count == 3 else {
                shapes[String(words[0])] = shape
                continue
            }
            for number in parts[1].split(separator: ",") {
                shapes["\(parts[0])\(number)\(parts[2])"] = shape
            }
        }
        return shapes
    }

    private static let kinds: [(String, SAMConfiguration)] = [
        ("vit_b", .base(imageSize: 1024)), ("vit_l", .large(imageSize: 1024)),
        ("vit_h", .huge(imageSize: 1024)),
    ]

    @Test(
        "every tensor has its name and shape, and the sizes are detected from them",
        arguments: kinds)
    func names(kind: String, sizes: SAMConfiguration) throws {
        let shapes = try listed(kind)
        let network = Initialization.skipped { SAM(sizes) }
        let found = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { ($0.name, $0.value.value.shape) })
        #expect(found == shapes)
        #expect(
            try SAMConfiguration(patchStride: 16, names: shapes.keys.sorted()) { shapes[$0] }
                == sizes)
    }
}
