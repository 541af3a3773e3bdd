import Foundation
import Imaging
import Segmentation

/// A model bundle on OpenVINO.
public final class BundleEngine: SegmentationEngine {
    /// What the model is and where it comes from.
    public let model: ModelDescription
    /// Whether its compiled models were in the cache.
    public let isWarm: Bool
    let manifest: ModelBundle.Manifest
    private let options: RuntimeOptions
    /// On a processor, passes of more prompts take longer for each (LiteMedSAM: 16 at a time 1.8
    /// times as long as 4), and memory for all: 64 take 3 GB.
    let promptsPerPass: Int
    let decoder: CompiledModel?
    let automatic: CompiledModel?
    private let encoder: CompiledModel
    private let embeddings: EmbeddingCache?

    /// Compiles a bundle's models, or takes them from the cache.
    ///
    /// - Parameters:
    ///   - bundle: opened before.
    ///   - options: how it will run.
    ///   - cache: where compiled models are kept; nil to compile each time.
    ///   - embeddings: where embeddings of pictures are kept; nil to encode each time.
    /// - Throws: ``OpenVINOError`` where there is no OpenVINO, or it cannot run the models;
    ///   ``ModelBundleError`` where files are not those of `model.json`.
    public init(
        _ bundle: ModelBundle, options: RuntimeOptions = .init(),
        cache: CompiledModelCache? = .standard(), embeddings: EmbeddingCache? = nil
    ) throws {
        let core = try OpenVINOCore(.shared())
        try core.check(options.device)
        let loader = BundleLoader(bundle: bundle, options: options, cache: cache, core: core)
        let loaded = try loader.load()
        (encoder, decoder, automatic) = (loaded.encoder, loaded.decoder, loaded.automatic)
        isWarm = loaded.isWarm
        model = bundle.model
        self.options = options
        promptsPerPass = [.gpu, .npu].contains(options.device) ? 64 : 4
        manifest = bundle.manifest
        self.embeddings = embeddings
    }

    /// Encodes a picture, or takes its embedding from the cache.
    public func embed(_ image: Image) throws -> any EmbeddedImage {
        let geometry = InputGeometry(
            original: image.size, inputSize: manifest.input.size,
            preparation: manifest.input.preparation)
        let embedding =
            if let embeddings {
                try embeddings.embedding(of: image, model: model.sha256, options: options) {
                    try encode(image, geometry)
                }
            } else {
                try encode(image, geometry)
            }
        return EmbeddedInBundle(engine: self, geometry: geometry, embedding: embedding)
    }

    private func encode(_ image: Image, _ geometry: InputGeometry) throws -> FloatTensor {
        let input = geometry.prepare(image)
        let pictures = FloatTensor(
            input.values, shape: [1, input.channels, input.height, input.width])
        let embedding = try encoder.run(
            [Tensors.pictures: pictures], outputs: [Tensors.embeddings])[0]
        let expected = [1, manifest.embedding.width, manifest.embedding.side]
        guard embedding.shape == expected + [manifest.embedding.side] else {
            throw OpenVINOError.otherShape(
                port: Tensors.embeddings, expected: expected + [manifest.embedding.side],
                found: embedding.shape)
        }
        return embedding
    }
}
