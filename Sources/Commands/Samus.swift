import ArgumentParser
import Foundation

/// `samus`: what runs without libtorch, and the way to what needs it.
public struct SamusCommand: ParsableCommand {
    /// Name, version and subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus",
        abstract: "Outline objects in ultrasound images.",
        discussion: """
            Research use only, not a medical device.

            Exit codes: 0 all done; 1 some images failed, the others are done; 64 wrong \
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

/// `samus export`, which only `samus-train` can run.
struct ExportHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Turn a model into a bundle that runs without libtorch.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}

/// `samus train`, which only `samus-train` can run.
struct TrainHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train SAMUS, AutoSAMUS or LiteMedSAM's decoder.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}

/// The way from `samus`, which has no libtorch, to `samus-train` beside it, which has.
enum Handover {
    /// Replaces this process by `samus-train` with the same arguments.
    ///
    /// Its output, exit code and signals are then this program's. Comes back only when that cannot
    /// be done.
    ///
    /// - Throws: ``Failure/unavailable``, with the command that builds it.
    static func toTrain() throws -> Never {
        let path = trainPath
        guard isPossible else {
            throw ExitError(
                .unavailable,
                "this needs libtorch, and so 'samus-train' beside 'samus', which is not built: "
                    + "run 'make build' in the checkout (looked at \(path))")
        }
        // libtorch's threads wait for work by spinning, which on a machine that does anything else
        // makes two threads slower than one. OpenMP reads this before the program begins.
        setenv("OMP_WAIT_POLICY", "PASSIVE", 0)
        let arguments = [path] + ProgramArguments.current
        var pointers = arguments.map { strdup($0) } + [nil]
        execv(path, &pointers)
        throw ExitError(
            .unavailable,
            "'\(path)' cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Whether `samus-train` is there.
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: trainPath) }

    private static var trainPath: String {
        ProgramFile.folder.appendingPathComponent("samus-train").path
    }
}
