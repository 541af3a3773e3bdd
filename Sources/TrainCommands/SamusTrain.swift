import ArgumentParser
import Checkpoints
import Commands
import FileIO
import SAMUSModels
import Segmentation
import Torch
import TorchEngine
import TorchNN
import Training

/// The program `samus-train`: the commands that need libtorch.
///
/// `samus` starts it where a command needs it.
public struct SamusTrainCommand: ParsableCommand {
    /// The name, the version and the subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus-train",
        abstract: "The commands of samus that need libtorch; 'samus' starts this program.",
        discussion: "Research use only, not a medical device.",
        version: "samus-train \(ProgramVersion.current), libtorch \(TorchRuntime.version)",
        subcommands: [
            SegmentCommand.self, TrackCommand.self, EvaluateCommand.self, TrainCommand.self,
            ExportCommand.self,
            InfoCommand.self, InitCommand.self, BenchCommand.self, TorchReportCommand.self,
            TorchCheckCommand.self, TorchBenchCommand.self,
        ])

    /// The command, to be filled by the parser.
    public init() {}

    /// Runs the command line of this process, with engines that run on libtorch.
    public static func runWithTorch() -> Never {
        TorchRuntime.loadDevices()
        EngineProviders.$current.withValue(TorchEngineProvider()) {
            runProgram()
        }
    }
}

extension TorchEngineOptions {
    /// Engine options of the command line.
    ///
    /// - Throws: ``UnsupportedOption`` for options that only model bundles have.
    init(_ options: EngineOptions) throws(UnsupportedOption) {
        guard let device = TrainingDevice(rawValue: options.device.rawValue) else {
            throw UnsupportedOption(
                option: "--device \(options.device.rawValue)",
                known: TrainingDevice.allCases.map(\.rawValue))
        }
        let precision: Precision
        switch options.precision {
        // The commands replace `auto` by what is fastest.
        case .f32, .auto: precision = .float32
        case .bf16: precision = .bfloat16
        case .f16:
            guard device == .cuda else {
                throw UnsupportedOption(option: "--precision f16", known: ["f32", "bf16"])
            }
            precision = .float16
        }
        self.init(device: Device(device.kind), precision: precision)
    }
}

/// `samus-train torch-report`: what `samus doctor` shows about libtorch.
struct TorchReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torch-report", abstract: "Describe libtorch as JSON, for 'samus doctor'.",
        shouldDisplay: false)

    func run() throws {
        var devices: [String] = []
        var unavailable: [String: String] = [:]
        for device in TrainingDevice.allCases.map({ Device($0.kind) }) {
            do throws(TorchError) {
                try device.check()
                devices.append(device.description)
            } catch {
                unavailable[device.description] = error.message
            }
        }
        let report = TorchReport(
            version: TorchRuntime.version, devices: devices, unavailable: unavailable,
            threads: TorchRuntime.threads)
        Terminal.print(json: String(decoding: try JSON.encode(report), as: UTF8.self))
    }
}

/// An option that only model bundles have.
struct UnsupportedOption: Error, CustomStringConvertible {
    let option: String
    let known: [String]

    var description: String {
        "\(option) is for model bundles; a checkpoint runs on libtorch, which takes "
            + known.joined(separator: ", ")
    }
}

/// Engines and weights on libtorch, for the commands that both programs have.
struct TorchEngineProvider: EngineProvider {
    var versions: [String: String] { ["libtorch": TorchRuntime.version] }

    func engine(
        for checkpoint: Checkpoint, model: ModelDescription, options: EngineOptions
    ) throws -> any SegmentationEngine {
        if let threads = options.threads {
            TorchRuntime.threads = threads
        }
        do {
            return try TorchSegmentationEngine(
                checkpoint: checkpoint, model: model,
                options: TorchEngineOptions(options))
        } catch is ModuleLoadError {
            throw try MismatchedWeights(checkpoint, architecture: model.architecture)
        }
    }

    func mismatch(
        of checkpoint: Checkpoint, architecture: ModelArchitecture, sizes: ModelConfiguration
    )
        -> String?
    {
        let network = NearestNetwork(architecture, sizes: sizes, source: checkpoint)
        return network.difference.map { _ in network.description }
    }

    func nearestNetwork(to checkpoint: Checkpoint) -> String? {
        NearestNetwork(to: checkpoint) { try? checkpoint.configuration(of: $0) }?.description
    }

    func start(
        _ architecture: ModelArchitecture, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> InitialWeights {
        let found = checkpoint.architecture
        guard let found, architecture.startsFrom.contains(found) else {
            throw UnsupportedSource(
                path: checkpoint.path, architecture: architecture, found: found,
                nearest: found == nil ? nearestNetwork(to: checkpoint) : nil)
        }
        let sizes = try checkpoint.configuration(of: found)
        guard NearestNetwork(found, sizes: sizes, source: checkpoint).difference == nil else {
            throw try MismatchedWeights(checkpoint, architecture: found)
        }
        let (network, configuration, transfer) = try NetworkRegistry.start(
            architecture, from: found, checkpoint: checkpoint, seed: seed)
        return InitialWeights(
            configuration: configuration,
            tensors: network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            taken: transfer.copied, resized: transfer.resized, new: transfer.new,
            unused: transfer.unused)
    }
}

/// Weights whose tensors do not match the detected architecture.
struct MismatchedWeights: Error, CustomStringConvertible {
    let description: String

    init(_ checkpoint: Checkpoint, architecture: ModelArchitecture) throws {
        let network = NearestNetwork(
            architecture, sizes: try checkpoint.configuration(of: architecture), source: checkpoint)
        description = "'\(checkpoint.path)' comes nearest to \(network)"
    }
}

/// Weights from which a network cannot be initialized.
struct UnsupportedSource: Error, CustomStringConvertible {
    let path: String
    let architecture: ModelArchitecture
    let found: ModelArchitecture?
    let nearest: String?

    var description: String {
        let needed = architecture.startsFrom.map(\.rawValue).joined(separator: " or ")
        let actual = found?.rawValue ?? "of no known architecture"
        let nearest = nearest.map { "\nnearest to \($0)" } ?? ""
        return "\(architecture.rawValue) can be initialized from \(needed); '\(path)' is \(actual)"
            + nearest
    }
}
