import ArgumentParser
import Checkpoints
import Segmentation

/// How an engine runs, as asked for on the command line.
public struct EngineOptions: ParsableArguments {
    /// The precision of the arithmetic.
    public enum Precision: String, ExpressibleByArgument, CaseIterable, Sendable {
        case f32, bf16, f16
    }

    /// The kind of processor: `gpu`, `npu` and `auto` are OpenVINO's, `cuda` and `mps` libtorch's.
    public enum Processor: String, ExpressibleByArgument, CaseIterable, Sendable {
        case cpu, gpu, npu, auto, cuda, mps
    }

    /// The model, by name or file.
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "A model's name, a model bundle (a folder .samus), or a checkpoint file (.pth, "
                + ".safetensors). (default: "
                + "\(ModelCatalog.standard.name))",
            discussion: "Known by name: \(ModelCatalog.names). Looked for in the folder that "
                + "SAMUS_MODELS names, and where set-up puts it, a bundle first. Bundles run on "
                + "OpenVINO, checkpoints on libtorch.",
            valueName: "name|path"),
        completion: .file(extensions: ["samus", "pth", "safetensors"]))
    public var givenModel: String?

    /// The model to use: the one named, or the standard one.
    public var model: String { givenModel ?? ModelCatalog.standard.name }

    /// Threads.
    @Option(help: ArgumentHelp("Processor threads to use (default: all cores).", valueName: "n"))
    public var threads: Int?

    /// Precision.
    @Option(
        help: ArgumentHelp(
            "Precision: f32, or bf16 or f16 (faster where the processor has it, outlines differ; "
                + "f16 for bundles only)."))
    public var precision = Precision.f32

    /// Processor.
    @Option(
        help: ArgumentHelp(
            "Where the model runs: a bundle on cpu, gpu, npu (Intel's) or auto, a checkpoint on "
                + "cpu, cuda or mps."))
    public var device = Processor.cpu

    /// Options as the parser makes them.
    public init() {}

    /// Checks what the parser cannot.
    public func validate() throws {
        guard let threads else { return }
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads \(threads): a number from 1 to 1024 is needed")
        }
        guard ![.gpu, .npu, .auto].contains(device) else {
            throw ValidationError("--threads is for --device cpu, not \(device.rawValue)")
        }
    }
}

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
    /// - Returns: an engine, ready for images.
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
    func misfit(of checkpoint: Checkpoint, kind: ModelArchitecture, sizes: SAMConfiguration)
        -> String?

    /// Weights for a network to be trained, started from another's.
    ///
    /// - Parameters:
    ///   - kind: SAMUS or AutoSAMUS.
    ///   - checkpoint: a SAM of any size; for AutoSAMUS a SAMUS too.
    ///   - seed: of the parts that are new.
    /// - Returns: the weights, and where each comes from.
    /// - Throws: why the checkpoint is not one to start from.
    func start(
        _ kind: ModelArchitecture, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> StartedWeights
}

/// The provider of this process.
public enum EngineProviders {
    /// Set around the run of a command by the program that has an engine.
    @TaskLocal public static var current: (any EngineProvider)?
}
