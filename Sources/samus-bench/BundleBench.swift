import Foundation
import Imaging
import Inference
import Segmentation

/// What is measured of a model bundle; bundles_works.py has the same under the same names.
enum BundleWork: String {
    /// The embedding of an image, made ready for the model, in seconds.
    case encode
    /// The mask of a click, of LiteMedSAM a box, on an image encoded before, in seconds.
    case prompt
    /// The sum of that mask's logits.
    case logits
}

/// A model bundle on OpenVINO, on the noise that `samus bench` takes.
final class BundleBench {
    private let engine: BundleEngine
    private let image: Image
    private let embedded: any EncodedImage
    private let prompts: [Prompt.Checked]

    /// - Parameters:
    ///   - bundle: the bundle's folder.
    ///   - threads: on the processor.
    ///   - precision: as it runs.
    /// - Throws: `ModelBundleError`, `OpenVINOError`.
    init(bundle: String, threads: Int, precision: RuntimeOptions.Precision) throws {
        let bundle = try ModelBundle(URL(fileURLWithPath: bundle))
        engine = try BundleEngine(
            bundle, options: RuntimeOptions(precision: precision, threads: threads))
        image = .noise(size: bundle.manifest.input.size)
        embedded = try engine.encode(image)
        let prompt =
            engine.model.defaultPrompt == .click
            ? Prompt(foregroundPoints: [PixelPoint(x: 120, y: 100)])
            : Prompt(box: PixelRectangle(x0: 60, y0: 60, x1: 160, y1: 180))
        prompts = [try prompt.checked(for: image.size)]
    }

    /// Does a work once.
    ///
    /// - Returns: its figure.
    /// - Throws: `OpenVINOError`.
    func run(_ work: BundleWork) throws -> Double {
        let start = ContinuousClock.now
        switch work {
        case .encode: _ = try engine.encode(image)
        case .prompt: _ = try mask()
        case .logits: return try mask().logits.values.reduce(0) { $0 + Double($1) }
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private func mask() throws -> MaskPrediction {
        try embedded.predict(prompts, multimask: false)[0][0]
    }
}
