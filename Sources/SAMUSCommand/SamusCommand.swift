import ArgumentParser

/// `samus`: what runs without libtorch, and the way to what needs it.
public struct SamusCommand: ParsableCommand {
    /// Name, version and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus",
        abstract: "Outline objects in ultrasound pictures.",
        discussion: """
            Research use only, not a medical device.

            Exit codes: 0 all done; 1 some pictures failed, the others are done; 64 wrong \
            arguments; 66 an input is missing or cannot be used; 69 the model or a part of the \
            program is missing or does not fit; 73 results cannot be written; 130 interrupted.
            """,
        version: "samus \(ProgramVersion.current)",
        subcommands: [
            SegmentCommand.self, EvaluateCommand.self, CompareCommand.self, TrainHandover.self,
            ExportHandover.self, DataCommand.self, InfoCommand.self, ConvertCommand.self,
            InitCommand.self, BenchCommand.self,
        ])

    /// The command without arguments, as the parser makes it.
    public init() {}
}

/// The version of the program, in its output and its results.
public enum ProgramVersion {
    /// Major, minor and patch.
    public static let current = "0.1.0"
}
