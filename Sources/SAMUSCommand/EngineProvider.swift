import Checkpoints
import Segmentation

/// What makes engines in this process.
///
/// `samus` has none yet and hands over to `samus-train`, which sets libtorch's.
public protocol EngineProvider: Sendable {
    /// Makes an engine.
    ///
    /// - Parameters:
    ///   - checkpoint: a model's weights.
    ///   - model: what they are.
    ///   - options: as asked for on the command line.
    /// - Returns: an engine, ready for pictures.
    /// - Throws: why the weights do not fit, or cannot be read or run.
    func engine(
        for checkpoint: Checkpoint, model: ModelDescription, options: EngineOptions
    ) throws -> any SegmentationEngine
}

/// The provider of this process.
public enum EngineProviders {
    /// Set around the run of a command by the program that has an engine.
    @TaskLocal public static var current: (any EngineProvider)?
}
