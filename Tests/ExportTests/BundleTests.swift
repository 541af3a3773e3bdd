import Checkpoints
import Foundation
import Imaging
import Inference
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Export

@Suite(
    "A bundle on OpenVINO gives the same results as the network on libtorch",
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct BundleTests {
    private static let prompts: [(String, Prompt)] = {
        let (one, two) = (PixelPoint(x: 30, y: 22), PixelPoint(x: 61, y: 40))
        let box = PixelRectangle(x0: 12, y0: 9, x1: 70, y1: 55)
        let rough = Mask(
            width: 90, height: 70,
            values: (0..<70).flatMap { y in
                (0..<90).map { x in (20..<50).contains(y) && (25..<60).contains(x) ? 1 : 0 }
            })
        let seven = (0..<5).map { PixelPoint(x: 10 + 12 * Double($0), y: 60 - 9 * Double($0)) }
        return [
            ("a point", Prompt(foregroundPoints: [one])),
            ("two points", Prompt(foregroundPoints: [one, two])),
            ("seven points", Prompt(foregroundPoints: seven, backgroundPoints: [one, two])),
            ("a box", Prompt(box: box)),
            ("a point with a box", Prompt(foregroundPoints: [one], box: box)),
            ("a rough mask", Prompt(mask: rough)),
            (
                "all",
                Prompt(foregroundPoints: [one], backgroundPoints: [two], box: box, mask: rough)
            ),
        ]
    }()

    private func bundle(
        _ exporter: Exporter, _ precision: ModelBundle.Manifest.Precision = .float32,
        layers: QuantizedLayers? = nil, in folder: TemporaryFolder
    ) throws -> BundleEngine {
        let url = folder.url.appending(path: "\(precision.rawValue).samus")
        try exporter.writeBundle(
            named: "small", precision: precision, layers: layers, to: url.path)
        return try BundleEngine(ModelBundle(url), cache: nil)
    }

    /// Relative L2 difference of all logits.
    private func relativeDifference(
        _ found: [MaskPrediction], _ expected: [MaskPrediction]
    ) -> Double {
        let pairs = zip(found.flatMap(\.logits.values), expected.flatMap(\.logits.values))
        let difference = pairs.reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let length = expected.flatMap(\.logits.values).reduce(0.0) { $0 + Double($1 * $1) }
        return (difference / length).squareRoot()
    }

    @Test(
        "results agree for every kind of prompt, with one mask and with candidates",
        arguments: SmallNetwork.allCases)
    func prompted(network: SmallNetwork) throws {
        let folder = try TemporaryFolder()
        let exporter = try network.exporter()
        let image = smoothImage()
        let found = try bundle(exporter, in: folder).encode(image)
        let expected = try exporter.engine.encode(image)
        for (name, prompt) in Self.prompts {
            let checked = try prompt.checked(for: image.size)
            for multimask in [false, true] {
                let masks = try found.predict([checked], multimask: multimask)[0]
                let reference = try expected.predict([checked], multimask: multimask)[0]
                #expect(masks.count == reference.count)
                let difference = relativeDifference(masks, reference)
                #expect(difference < 1e-5, "\(name): \(difference)")
                for (mask, expected) in zip(masks, reference) {
                    #expect(abs(mask.iouEstimate - expected.iouEstimate) < 2e-5)
                }
            }
        }
    }

    // The small prompt generator is ill-conditioned: float32 on libtorch differs from float64 by 4e-5.
    @Test("results of AutoSAMUS without a prompt agree")
    func promptFree() throws {
        let folder = try TemporaryFolder()
        let exporter = try SmallNetwork.autoSAMUS.exporter()
        let image = smoothImage()
        let found = try bundle(exporter, in: folder).encode(image).predictPromptFree()
        let expected = try exporter.engine.encode(image).predictPromptFree()
        #expect(relativeDifference([found], [expected]) < 1e-4)
    }

    @Test("several prompts in one batch give the same masks as one by one")
    func batch() throws {
        let folder = try TemporaryFolder()
        let image = smoothImage()
        let encoded = try bundle(SmallNetwork.samus.exporter(), in: folder).encode(image)
        let prompts = try (0..<9).map { index in
            try Prompt(foregroundPoints: [PixelPoint(x: 8 * Double(index) + 4, y: 33)])
                .checked(for: image.size)
        }
        let alone = try prompts.map { try encoded.predict([$0], multimask: false)[0] }
        for (one, other) in zip(try encoded.predict(prompts, multimask: false), alone) {
            #expect(relativeDifference(one, other) < 1e-5)
        }
    }

    @Test("float16 weights halve the file and change logits by less than 1 %")
    func halfWeights() throws {
        let folder = try TemporaryFolder()
        let exporter = try SmallNetwork.samus.exporter()
        let image = smoothImage()
        let prompt = try Prompt(foregroundPoints: [PixelPoint(x: 30, y: 22)]).checked(
            for: image.size)
        let half = try bundle(exporter, .float16Weights, in: folder)
        let found = try half.encode(image).predict([prompt], multimask: false)[0]
        let expected = try exporter.engine.encode(image).predict([prompt], multimask: false)[0]
        let difference = relativeDifference(found, expected)
        #expect(difference > 0 && difference < 1e-2, "\(difference)")
        _ = try bundle(exporter, in: folder)
        // Without the header, which has the length of its JSON in its first 8 bytes.
        func bytes(_ name: String) throws -> Int {
            let url = folder.url.appending(path: "\(name).samus/weights.safetensors")
            let data = try Data(contentsOf: url)
            return data.count - 8 - data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(try bytes("f16-weights") < 6 * bytes("f32") / 10)
    }

    @Test("8-bit integers change logits, and excluded layers are computed in float32 again")
    func integerLayers() throws {
        let folder = try TemporaryFolder()
        let exporter = try SmallNetwork.samus.exporter()
        let image = smoothImage()
        var layers = try exporter.calibrate(
            on: [image, smoothImage(width: 70, height: 90)])
        let all = layers.counts.all
        #expect(layers.counts.integer == all && all > 20)
        let expected = try exporter.engine.encode(image)
        let prompt = try Prompt(foregroundPoints: [PixelPoint(x: 30, y: 22)]).checked(
            for: image.size)
        func difference(_ layers: QuantizedLayers) throws -> Double {
            let engine = try bundle(exporter, .int8, layers: layers, in: folder)
            return relativeDifference(
                try engine.encode(image).predict([prompt], multimask: false)[0],
                try expected.predict([prompt], multimask: false)[0])
        }
        let quantized = try difference(layers)
        #expect(quantized > 1e-4 && quantized < 0.3, "\(quantized)")
        layers.excludeMostSensitive(1)
        #expect(layers.counts.integer == 0)
        #expect(try difference(layers) < 1e-2, "the rest is due to float16 weights")
        let report = try JSONSerialization.jsonObject(
            with: Data(
                contentsOf: folder.url.appending(path: "int8.samus/quantization.json")))
        let rows = try #require((report as? [String: Any])?["layers"] as? [[String: Any]])
        #expect(rows.count == all)
        #expect(rows.allSatisfy { $0["precision"] as? String == "f32" })
    }

    @Test("model.json describes the network")
    func manifest() throws {
        let folder = try TemporaryFolder()
        let exporter = try SmallNetwork.sam.exporter()
        let url = folder.url.appending(path: "a.samus")
        try exporter.writeBundle(named: "a", precision: .float32, to: url.path)
        let manifest = try ModelBundle(url).manifest
        #expect(manifest.architecture == .sam && manifest.input.size == 128)
        #expect(manifest.embedding.width == 32 && manifest.embedding.side == 8)
        #expect(manifest.notice == ResearchNotice.text)
        #expect((manifest.macs ?? 0) > 1_000_000)
        #expect(
            Set(manifest.files.keys) == ["encoder.onnx", "decoder.onnx", "weights.safetensors"])
        let range = manifest.input.range
        #expect(range[0] < -2 && range[1] > 2.5)
    }

    @Test("the weights of a bundle are a checkpoint of the same network")
    func sharedWeights() throws {
        let folder = try TemporaryFolder()
        let exporter = try SmallNetwork.samus.exporter()
        let url = folder.url.appending(path: "a.samus")
        try exporter.writeBundle(named: "a", precision: .float32, to: url.path)
        let checkpoint = try Checkpoint.read(url.appending(path: "weights.safetensors").path)
        #expect(checkpoint.architecture == .samus)
        let values = exporter.network.namedValues()
        #expect(Set(checkpoint.names) == Set(values.map(\.name)))
        for (name, value) in values {
            let tensor = try Tensor(try #require(checkpoint[name]))
            #expect((tensor - value.value).abs().max().item() == 0, "\(name)")
        }
        // The graphs hold only small constants.
        let graph = try Data(contentsOf: url.appending(path: "decoder.onnx")).count
        let weights = try Data(contentsOf: url.appending(path: "weights.safetensors")).count
        #expect(graph < weights / 4)
    }

    @Test("a bundle whose weights were changed is refused before it is compiled")
    func changedWeights() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "a.samus")
        try SmallNetwork.sam.exporter().writeBundle(
            named: "a", precision: .float32, to: url.path)
        let file = url.appending(path: "weights.safetensors")
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: file)
        let bundle = try ModelBundle(url)
        #expect(throws: ModelBundleError.self) { try bundle.verify("encoder.onnx") }
        #expect(throws: ModelBundleError.self) { try bundle.verify("decoder.onnx") }
    }
}
