import ArgumentParser
import Checkpoints
import Inference
import Segmentation

/// The options that choose a model, and how it runs.
public struct EngineOptions: ParsableArguments, Sendable {
    /// The precision of the arithmetic.
    public enum Precision: String, ExpressibleByArgument, CaseIterable, Codable, Sendable {
        case f32, bf16, f16
        /// The fastest of the others on this machine, by a measurement.
        case auto
    }

    /// The device: `gpu`, `npu` and `auto` are OpenVINO's, `cuda` and `mps` libtorch's.
    ///
    /// Where there are several GPUs or NPUs, `gpu.1` is the second.
    public struct Device: RawRepresentable, ExpressibleByArgument, Equatable, Sendable {
        /// The kinds of devices.
        public enum Kind: String, CaseIterable, Sendable { case cpu, gpu, npu, auto, cuda, mps }

        /// The kind.
        public let kind: Kind
        /// Its number among the devices of its kind, from 0; nil for the first.
        public let number: Int?

        /// The processor.
        public static let cpu = Device(kind: .cpu, number: nil)

        /// The names in help texts.
        public static var allValueStrings: [String] { Kind.allCases.map(\.rawValue) }

        /// The name on the command line.
        public var rawValue: String { kind.rawValue + (number.map { ".\($0)" } ?? "") }

        private init(kind: Kind, number: Int?) {
            self.kind = kind
            self.number = number
        }

        /// Parses a name: `cpu`, `gpu` or `gpu.1`.
        public init?(rawValue: String) {
            guard let match = rawValue.wholeMatch(of: #/([a-z]+)(?:\.([0-9]{1,3}))?/#),
                let kind = Kind(rawValue: String(match.1)),
                match.2 == nil || kind == .gpu || kind == .npu
            else { return nil }
            self.init(kind: kind, number: match.2.flatMap { Int($0) })
        }
    }

    /// The value of `--model`.
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "A model's name, a model bundle (a folder .samus) or a checkpoint (.pth, "
                + ".safetensors). (default: "
                + "\(ModelCatalog.standard.name))",
            discussion: "Names: \(ModelCatalog.names). They are looked up in the folder "
                + "SAMUS_MODELS and where 'make setup' puts them, bundles first. Bundles run on "
                + "OpenVINO, checkpoints on libtorch.",
            valueName: "name|path"),
        completion: .model)
    public var givenModel: String?

    /// The model to use: `--model`, or the default model.
    public var model: String { givenModel ?? ModelCatalog.standard.name }

    /// The same options for another model.
    ///
    /// - Parameter model: name or path.
    /// - Returns: options with this model.
    package func with(model: String) -> EngineOptions {
        var options = self
        options.givenModel = model
        return options
    }

    /// The number of threads.
    @Option(help: ArgumentHelp("CPU threads (default: one for each core).", valueName: "n"))
    public var threads: Int?

    /// Precision.
    @Option(
        help: ArgumentHelp(
            "Precision of the arithmetic. bf16 and f16 are faster where the processor supports "
                + "them, and outlines differ slightly; f16 is for bundles only. auto measures "
                + "which is fastest on this machine, once for each model, and says so."))
    public var precision = Precision.f32

    /// Device.
    @Option(
        help: ArgumentHelp(
            "The device: cpu, gpu, npu or auto (Intel devices) for a bundle; cpu, cuda or mps "
                + "for a checkpoint. gpu.1 is the second GPU. 'samus doctor' lists the devices."))
    public var device = Device.cpu

    /// The options, to be filled by the parser.
    public init() {}

    /// Checks how the options go together.
    public func validate() throws {
        guard let threads else { return }
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads \(threads): a number from 1 to 1024 is needed")
        }
        guard ![.gpu, .npu, .auto].contains(device.kind) else {
            throw ValidationError("--threads needs --device cpu, not \(device.rawValue)")
        }
    }
}

/// The work that needs libtorch.
///
/// `samus` has no provider and hands over to `samus-train`, which sets one.
public protocol EngineProvider: Sendable {
    /// The versions of the libraries that engines run on.
    var versions: [String: String] { get }

    /// Makes an engine.
    ///
    /// - Parameters:
    ///   - checkpoint: a model's weights.
    ///   - model: its description.
    ///   - options: precision, device and threads.
    /// - Returns: an engine that is ready for images.
    /// - Throws: why the weights cannot be read, do not fit or cannot run.
    func engine(
        for checkpoint: Checkpoint, model: ModelDescription, options: EngineOptions
    ) throws -> any SegmentationEngine

    /// Finds the architecture that a checkpoint is most similar to, and the differences.
    ///
    /// - Parameter checkpoint: any tensors.
    /// - Returns: text that follows "nearest to"; nil when it has nothing in common with any.
    func nearestNetwork(to checkpoint: Checkpoint) -> String?

    /// Compares a checkpoint with its detected architecture.
    ///
    /// - Parameters:
    ///   - checkpoint: the file.
    ///   - architecture: the network.
    ///   - sizes: its sizes.
    /// - Returns: the architecture and the first differences, one on each line; nil when there are
    ///   none.
    func mismatch(
        of checkpoint: Checkpoint, architecture: ModelArchitecture, sizes: ModelConfiguration
    )
        -> String?

    /// Initial weights for training, taken from the weights of another model.
    ///
    /// - Parameters:
    ///   - architecture: SAMUS or AutoSAMUS.
    ///   - checkpoint: a SAM of any size; for AutoSAMUS also a SAMUS.
    ///   - seed: seed of the randomly initialized parts.
    /// - Returns: the weights, and the origin of each tensor.
    /// - Throws: why the checkpoint cannot be used.
    func start(
        _ architecture: ModelArchitecture, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> InitialWeights
}

/// The provider of this process.
public enum EngineProviders {
    /// Set while a command runs in `samus-train`.
    @TaskLocal public static var current: (any EngineProvider)?
}
