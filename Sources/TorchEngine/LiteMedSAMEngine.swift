import Checkpoints
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// LiteMedSAM on libtorch.
public final class LiteMedSAMEngine: SegmentationEngine, @unchecked Sendable {
    // Modules are not written to after `init`, and libtorch's operators may run on any thread.
    let network: LiteMedSAM
    private let options: TorchEngineOptions
    /// What the model is and where it comes from.
    public let model: ModelDescription

    /// Loads the weights, all names and shapes checked, and folds the batch norms.
    ///
    /// - Parameters:
    ///   - checkpoint: LiteMedSAM's 435 tensors.
    ///   - model: what to call it in results.
    ///   - options: device and precision.
    /// - Throws: `ModuleLoadError` when they do not fit, `CheckpointError` when they cannot be
    ///   read, `TorchError` when the device cannot be used.
    public init(
        checkpoint: Checkpoint, model: ModelDescription, options: TorchEngineOptions = .init()
    ) throws {
        try options.device.check()
        network = Initialization.skipped { LiteMedSAM() }
        self.model = model
        self.options = options
        try network.load(checkpoint)
        network.setTrainable(false)
        network.evaluate()
        network.move(to: options.device)
        network.foldBatchNorms()
    }

    /// Encodes a picture.
    public func embed(_ image: Image) throws -> any EmbeddedImage {
        let geometry = InputGeometry(original: image.size, inputSize: LiteMedSAM.inputSize)
        let input = Tensor(geometry.prepare(image)).to(options.device)
        let embedding = options.run { network.encode(input) }
        return Embedded(engine: self, geometry: geometry, embedding: embedding)
    }

    private struct Embedded: EmbeddedImage {
        let engine: LiteMedSAMEngine
        let geometry: InputGeometry
        let embedding: Tensor

        func predict(
            _ prompts: [Prompt.Checked], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            try prompts.map { try predict($0, multimask: multimask) }
        }

        private func predict(
            _ prompt: Prompt.Checked, multimask: Bool
        ) throws -> [MaskPrediction] {
            precondition(prompt.size == size, "a prompt for \(prompt.size), a picture of \(size)")
            let prompts = PromptTensors(
                prompt.prompt, in: geometry, maskSide: LiteMedSAM.inputSize,
                device: engine.options.device)
            let (logits, iou) = engine.options.run {
                engine.network.decode(embedding, prompts: prompts, multimask: multimask)
            }
            return try predictions(logits: logits[0], iou: iou[0], model: engine.model.name)
        }
    }
}
