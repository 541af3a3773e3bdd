import Checkpoints
import Segmentation

/// Makes an engine from whatever checkpoint it is given.
public enum TorchEngineLoader {
    /// Loads a checkpoint into the network it belongs to.
    ///
    /// - Parameters:
    ///   - checkpoint: a model's weights.
    ///   - model: what they are.
    ///   - options: device and precision.
    /// - Returns: an engine, ready for pictures.
    /// - Throws: what the engine's `init` throws.
    public static func engine(
        for checkpoint: Checkpoint, model: ModelDescription, options: TorchEngineOptions
    ) throws -> any SegmentationEngine {
        switch model.kind {
        case .liteMedSAM:
            try LiteMedSAMEngine(checkpoint: checkpoint, model: model, options: options)
        }
    }
}
