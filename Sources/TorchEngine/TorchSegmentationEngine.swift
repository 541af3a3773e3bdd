import Checkpoints
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A network of SAM's family on libtorch.
public final class TorchSegmentationEngine: SegmentationEngine, @unchecked Sendable {
    // Modules are not written to after `init`, and libtorch's operators may run on any thread.
    let network: any PromptableNetwork
    private let inputSize: Int
    private let options: TorchEngineOptions
    /// What the model is and where it comes from.
    public let model: ModelDescription

    /// Loads the weights, all names, shapes and types checked, and readies them for inference.
    ///
    /// - Parameters:
    ///   - checkpoint: the model's weights.
    ///   - model: what they are.
    ///   - options: device and precision.
    /// - Throws: `ConfigurationError` and `ModuleLoadError` when they do not fit,
    ///   `CheckpointError` when they cannot be read, `TorchError` when the device cannot be used.
    public init(
        checkpoint: Checkpoint, model: ModelDescription, options: TorchEngineOptions = .init()
    ) throws {
        try options.device.check()
        let sized = try SizedNetwork(model.kind, checkpoint: checkpoint)
        network = sized.network
        inputSize = sized.inputSize
        self.model = model
        self.options = options
        network.setTrainable(false)
        network.evaluate()
        network.move(to: options.device)
        network.foldBatchNorms()
    }

    /// An engine of a network that is ready for inference on the CPU.
    ///
    /// - Parameters:
    ///   - network: with its weights.
    ///   - inputSize: height and width of its input in pixels.
    ///   - model: what it is.
    public init(network: any PromptableNetwork, inputSize: Int, model: ModelDescription) {
        self.network = network
        self.inputSize = inputSize
        self.model = model
        options = .init()
    }

    /// Encodes a picture.
    public func embed(_ image: Image) throws -> any EmbeddedImage {
        let geometry = InputGeometry(
            original: image.size, inputSize: inputSize, preparation: model.kind.preparation)
        let input = Tensor(geometry.prepare(image)).to(options.device)
        let embedding = options.run { network.encode(input) }
        return Embedded(engine: self, geometry: geometry, embedding: embedding)
    }

    private struct Embedded: EmbeddedImage {
        let engine: TorchSegmentationEngine
        let geometry: InputGeometry
        let embedding: Tensor

        func predict(
            _ prompts: [Prompt.Checked], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            precondition(
                prompts.allSatisfy { $0.size == size }, "prompts for a picture of \(size)")
            return try prompts.predictedTogether { try predictAlike($0, multimask: multimask) }
        }

        private func predictAlike(
            _ prompts: [Prompt], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            let tensors = PromptTensors(
                prompts, in: geometry, maskSide: 4 * embedding.size(2),
                device: engine.options.device)
            let (logits, iou) = engine.options.run {
                engine.network.decode(embedding, prompts: tensors, multimask: multimask)
            }
            return try predictions(logits: logits, iou: iou, model: engine.model.name)
        }

        func predictUnprompted() throws -> MaskPrediction {
            let found = engine.options.run { engine.network.decodeUnprompted(embedding) }
            guard let (logits, iou) = found else {
                throw EngineError.needsPrompt(model: engine.model.name)
            }
            return try predictions(logits: logits, iou: iou, model: engine.model.name)[0][0]
        }
    }
}
