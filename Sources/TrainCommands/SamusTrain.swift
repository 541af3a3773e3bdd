import ArgumentParser
import Checkpoints
import Commands
import SAMUSModels
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// `samus-train`, the part of the program that needs libtorch: `samus` hands its commands over.
public struct SamusTrainCommand: ParsableCommand {
    /// Name, version and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus-train",
        abstract: "The part of samus that needs libtorch; 'samus' starts it when it has to.",
        discussion: "Research use only, not a medical device.",
        version: "samus-train \(ProgramVersion.current), libtorch \(TorchRuntime.version)",
        subcommands: [
            SegmentCommand.self, EvaluateCommand.self, TrainCommand.self, ExportCommand.self,
            InfoCommand.self, InitCommand.self, BenchCommand.self,
        ])

    /// The command without arguments, as the parser makes it.
    public init() {}

    /// Runs the command of this process's arguments with engines on libtorch.
    public static func runWithTorch() -> Never {
        EngineProviders.$current.withValue(TorchEngineProvider()) {
            runProgram()
        }
    }
}

/// The kinds of processor that libtorch runs on here.
enum TorchProcessor: String, ExpressibleByArgument, CaseIterable {
    case cpu, cuda, mps
}

extension Device {
    /// - Parameters:
    ///   - processor: of which kind.
    ///   - index: which of several GPUs; nil for the current one.
    init(_ processor: TorchProcessor, index: Int? = nil) {
        self =
            switch processor {
            case .cpu: .cpu
            case .cuda: Device(Device.Kind.cuda, index: index)
            case .mps: .mps
            }
    }
}

extension TorchEngineOptions {
    /// Options as asked for on the command line.
    ///
    /// - Throws: ``UnsupportedOption`` for what only model bundles have.
    init(_ options: EngineOptions) throws(UnsupportedOption) {
        guard let processor = TorchProcessor(rawValue: options.device.rawValue) else {
            throw UnsupportedOption(
                option: "--device \(options.device.rawValue)",
                known: TorchProcessor.allCases.map(\.rawValue))
        }
        let precision: Precision
        switch options.precision {
        case .f32: precision = .float32
        case .bf16: precision = .bfloat16
        case .f16:
            throw UnsupportedOption(option: "--precision f16", known: ["f32", "bf16"])
        }
        self.init(device: Device(processor), precision: precision)
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

/// What the commands need libtorch for.
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
            throw try UnfittingWeights(checkpoint, kind: model.kind)
        }
    }

    func misfit(of checkpoint: Checkpoint, kind: ModelArchitecture, sizes: ModelConfiguration)
        -> String?
    {
        let network = NearestNetwork(kind, sizes: sizes, source: checkpoint)
        return network.difference.map { _ in network.description }
    }

    func nearestNetwork(to checkpoint: Checkpoint) -> String? {
        NearestNetwork(to: checkpoint) { try? checkpoint.configuration(of: $0) }?.description
    }

    func start(
        _ kind: ModelArchitecture, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> StartedWeights {
        let found = checkpoint.architecture
        guard let found, kind.startsFrom.contains(found) else {
            throw UnfittingSource(
                path: checkpoint.path, kind: kind, found: found,
                nearest: found == nil ? nearestNetwork(to: checkpoint) : nil)
        }
        let sizes = try checkpoint.configuration(of: found)
        guard NearestNetwork(found, sizes: sizes, source: checkpoint).difference == nil else {
            throw try UnfittingWeights(checkpoint, kind: found)
        }
        let (network, configuration, transfer) = try NetworkRegistry.start(
            kind, from: found, checkpoint: checkpoint, seed: seed)
        return StartedWeights(
            configuration: configuration,
            tensors: network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            taken: transfer.copied, resized: transfer.resized, new: transfer.new,
            unused: transfer.unused)
    }
}

/// Weights of a network that lack parts of it, or have others.
struct UnfittingWeights: Error, CustomStringConvertible {
    let description: String

    init(_ checkpoint: Checkpoint, kind: ModelArchitecture) throws {
        let network = NearestNetwork(
            kind, sizes: try checkpoint.configuration(of: kind), source: checkpoint)
        description = "'\(checkpoint.path)' comes nearest to \(network)"
    }
}

/// Weights that the network asked for cannot be started from.
struct UnfittingSource: Error, CustomStringConvertible {
    let path: String
    let kind: ModelArchitecture
    let found: ModelArchitecture?
    let nearest: String?

    var description: String {
        let needed = kind.startsFrom.map(\.rawValue).joined(separator: " or ")
        let actual = found?.rawValue ?? "none of the networks this program knows"
        let nearest = nearest.map { "\nnearest to \($0)" } ?? ""
        return "\(kind.rawValue) is started from \(needed); '\(path)' is \(actual)\(nearest)"
    }
}
