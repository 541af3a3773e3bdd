import COpenVINO
import Imaging
import Segmentation
import Synchronization

/// A model that is loaded when it is needed, and whose memory is given back while nobody needs it.
package final class RestingEngine: TensorEngine {
    /// Loads a model.
    package typealias Loading = @Sendable () throws -> any SegmentationEngine

    /// The model's description.
    package let model: ModelDescription
    private let load: Loading
    private let engine = Mutex<(any SegmentationEngine)?>(nil)

    /// Whether the model is in memory.
    package var isLoaded: Bool { engine.withLock { $0 != nil } }

    /// Describes a model without loading it.
    ///
    /// - Parameters:
    ///   - model: its description.
    ///   - load: loads it.
    package init(model: ModelDescription, load: @escaping Loading) {
        self.model = model
        self.load = load
    }

    /// The networks of the model, which is loaded for it; none where it cannot be loaded.
    package var networks: [TensorNetwork] { ((try? loaded()) as? any TensorEngine)?.networks ?? [] }

    /// Encodes an image.
    package func encode(_ image: Image) throws -> any EncodedImage { try loaded().encode(image) }

    /// Runs a network once.
    package func run(
        _ network: TensorNetwork, _ inputs: [String: FloatTensor]
    ) throws -> [FloatTensor] {
        guard let engine = try loaded() as? any TensorEngine else {
            throw EngineError.needsPrompt(model: model.name)
        }
        return try engine.run(network, inputs)
    }

    /// Gives the memory back.
    ///
    /// Encoded images that are still there keep it.
    package func rest() {
        engine.withLock { $0 = nil }
        cov_trim_memory()
    }

    private func loaded() throws -> any SegmentationEngine {
        try engine.withLock { engine in
            if let engine { return engine }
            let loaded = try load()
            engine = loaded
            return loaded
        }
    }
}
