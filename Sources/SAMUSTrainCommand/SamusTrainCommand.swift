import ArgumentParser
import SAMUSCommand
import Torch

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
    public static func mainWithTorch() {
        EngineProviders.$current.withValue(TorchEngineProvider()) {
            main()
        }
    }
}
