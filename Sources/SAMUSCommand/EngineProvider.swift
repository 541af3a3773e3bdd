import Checkpoints
import Segmentation

/// What needs libtorch, or another runtime: engines, and all that is done with networks.
///
/// `samus` has none yet and hands over to `samus-train`, which sets libtorch's.
public protocol EngineProvider: Sendable {
    /// Versions of what engines rest on, by its name.
    var versions: [String: String] { get }

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

    /// The network that a file comes nearest to, and what keeps it from fitting.
    ///
    /// - Parameter checkpoint: any tensors.
    /// - Returns: words that follow "nearest to"; nil when it has nothing of any network.
    func nearestNetwork(to checkpoint: Checkpoint) -> String?

    /// How a file differs from the network that its names and sizes tell.
    ///
    /// - Parameters:
    ///   - checkpoint: the file.
    ///   - kind: the network.
    ///   - sizes: its sizes.
    /// - Returns: the network and the first differences, a line each; nil when all fits.
    func misfit(of checkpoint: Checkpoint, kind: ModelKind, sizes: SAMConfiguration) -> String?

    /// Weights for a network to be trained, started from another's.
    ///
    /// - Parameters:
    ///   - kind: SAMUS or AutoSAMUS.
    ///   - checkpoint: a SAM of any size; for AutoSAMUS a SAMUS too.
    ///   - seed: of the parts that are new.
    /// - Returns: the weights, and where each comes from.
    /// - Throws: why the checkpoint is not one to start from.
    func start(
        _ kind: ModelKind, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> StartedWeights
}

/// The provider of this process.
public enum EngineProviders {
    /// Set around the run of a command by the program that has an engine.
    @TaskLocal public static var current: (any EngineProvider)?
}
