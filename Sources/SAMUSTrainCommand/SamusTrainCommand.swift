import ArgumentParser
import Checkpoints
import SAMUSCommand
import Segmentation
import Torch
import TorchEngine

/// `samus-train`, the part of the program that needs libtorch: `samus` hands its commands over.
public struct SamusTrainCommand: ParsableCommand {
    /// Name, version and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus-train",
        abstract: "The part of samus that needs libtorch; 'samus' starts it when it has to.",
        discussion: "Research use only, not a medical device.",
        version: "samus-train \(ProgramVersion.current), libtorch \(TorchRuntime.version)",
        subcommands: [SegmentCommand.self])

    /// The command without arguments, as the parser makes it.
    public init() {}

    /// Runs the command of this process's arguments with engines on libtorch.
    public static func mainWithTorch() {
        EngineProviders.$current.withValue(TorchEngineProvider()) {
            main()
        }
    }
}

/// Engines on libtorch for the options of the command line.
struct TorchEngineProvider: EngineProvider {
    func engine(
        for checkpoint: Checkpoint, model: ModelDescription, options: EngineOptions
    ) throws -> any SegmentationEngine {
        if let threads = options.threads {
            TorchRuntime.threads = threads
        }
        return try TorchSegmentationEngine(
            checkpoint: checkpoint, model: model,
            options: TorchEngineOptions(
                device: Device(options.device), precision: .init(options.precision)))
    }
}

extension Device {
    init(_ processor: EngineOptions.Processor) {
        self =
            switch processor {
            case .cpu: .cpu
            case .cuda: .cuda
            case .mps: .mps
            }
    }
}

extension TorchEngineOptions.Precision {
    init(_ precision: EngineOptions.Precision) {
        self =
            switch precision {
            case .f32: .float32
            case .bf16: .bfloat16
            }
    }
}
