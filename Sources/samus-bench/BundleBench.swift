import Checkpoints
import Export
import Foundation
import Imaging
import Inference
import Segmentation

/// A model bundle on OpenVINO, on an image of noise; the Swift side of `bench.py bundles`.
final class BundleBench {
    /// The same names as in Benchmarks/peers/bundles.py.
    enum Measurement: String {
        /// Seconds of preprocessing and the image encoder.
        case encode
        /// Seconds of the decoder for a point, or for LiteMedSAM a box, on an encoded image.
        case prompt
        /// The sum of the logits of that mask.
        case logits
    }

    private let engine: BundleEngine
    private let image: Image
    private let encoded: any EncodedImage
    private let prompts: [Prompt.Checked]

    /// - Parameters:
    ///   - bundle: the bundle's folder.
    ///   - threads: number of threads.
    ///   - precision: of the computation.
    /// - Throws: `ModelBundleError`, `OpenVINOError`.
    init(bundle: String, threads: Int, precision: RuntimeOptions.Precision) throws {
        let bundle = try ModelBundle(URL(fileURLWithPath: bundle))
        engine = try BundleEngine(
            bundle, options: RuntimeOptions(precision: precision, threads: threads))
        image = .noise(size: bundle.manifest.input.size)
        encoded = try engine.encode(image)
        let prompt =
            engine.model.defaultPrompt == .click
            ? Prompt(foregroundPoints: [PixelPoint(x: 120, y: 100)])
            : Prompt(box: PixelRectangle(x0: 60, y0: 60, x1: 160, y1: 180))
        prompts = [try prompt.checked(for: image.size)]
    }

    func measure(_ measurement: Measurement) throws -> Double {
        switch measurement {
        case .encode: try seconds { _ = try engine.encode(image) }
        case .prompt: try seconds { _ = try mask() }
        case .logits: try mask().logits.values.reduce(0) { $0 + Double($1) }
        }
    }

    private func mask() throws -> MaskPrediction {
        try encoded.predict(prompts, multimask: false)[0][0]
    }
}

extension BundleBench {
    /// Exports a bundle whose encoder computes all layers in 8-bit integers.
    ///
    /// `samus export` keeps layers that change masks in float32: few of a trained network, but most
    /// where weights follow a formula. Ranges are those of noise, so that the masks are meaningless.
    ///
    /// - Parameters:
    ///   - weights: of any network.
    ///   - output: the bundle's folder.
    /// - Throws: `CheckpointError`, `ModuleLoadError`, `ExportError`, `TorchError` or `FileError`.
    static func exportIntegers(weights: String, output: String) throws {
        let checkpoint = try Checkpoint.read(weights)
        guard let architecture = checkpoint.architecture else {
            fail("the architecture of '\(weights)' is unknown")
        }
        let model = ModelDescription(
            name: "int8", architecture: architecture, sha256: try checkpoint.sha256, licence: nil)
        let exporter = try Exporter(checkpoint: checkpoint, model: model, program: "samus-bench")
        let layers = try exporter.calibrate(on: [.noise(size: 256)])
        try exporter.writeBundle(named: "int8", precision: .int8, layers: layers, to: output)
    }
}

extension Image {
    /// Grey noise, the same as in `samus bench` and Benchmarks/peers/bundles.py.
    fileprivate static func noise(size: Int) -> Image {
        var state: UInt32 = 1
        let pixels = (0..<size * size).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Image(width: size, height: size, channels: 1, pixels: pixels)
    }
}
