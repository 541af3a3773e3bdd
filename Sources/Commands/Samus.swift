import ArgumentParser
import FileIO
import Foundation
import Inference

/// `samus`: the commands that run without libtorch; the others start `samus-train`.
public struct SamusCommand: ParsableCommand {
    /// The name, the version and the subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "samus",
        abstract: "Segment objects in ultrasound images; train and measure the models.",
        discussion: """
            Start with:
              samus segment scan.png --box 150,48,208,140

            Research use only, not a medical device.

            Exit codes: 0 success; 1 some images failed, the others are done; 3 nothing was \
            found in any image; 64 wrong arguments; 66 an input is missing or cannot be used; 69 \
            the model or a part of the program is missing or does not fit; 73 results cannot be \
            written; 130 interrupted.
            """,
        version: "samus \(ProgramVersion.current)",
        subcommands: [
            SegmentCommand.self, TrackCommand.self, MeasureCommand.self, HeartCommand.self,
            DeidentifyCommand.self, PACSHandover.self, ReceiveCommand.self,
            EvaluateCommand.self, CompareCommand.self, ReproduceCommand.self,
            TrainHandover.self, ExportHandover.self, DataCommand.self,
            InfoCommand.self, ConvertCommand.self, AverageCommand.self, InitCommand.self,
            BenchCommand.self,
            DoctorCommand.self, ServeHandover.self,
        ])

    /// The command, to be filled by the parser.
    public init() {}
}

/// `samus export`, which `samus-train` runs.
struct ExportHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Export a model to a bundle that runs without libtorch.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}

/// `samus train`, which `samus-train` runs.
struct TrainHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network on images with masks.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.toTrain()
    }
}

/// `samus pacs`, which the program `samus-pacs` runs.
struct PACSHandover: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pacs",
        abstract: "Query, fetch, segment and store at a DICOMweb server.",
        discussion: """
            The commands are query, fetch, run and store; 'samus pacs COMMAND --help' explains \
            them, and Docs/PACS.md what is sent and stored.

            Research use only, not a medical device.
            """)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        try Handover.to("samus-pacs", builtBy: "make pacs")
    }
}

/// Hands a command over from `samus` to another program.
enum Handover {
    /// Replaces this process by a program beside it, with the arguments after the command.
    ///
    /// - Parameters:
    ///   - program: its name.
    ///   - make: what builds it.
    /// - Throws: ``ExitError`` when it is not built.
    static func to(_ program: String, builtBy make: String) throws -> Never {
        let path = ProgramLocation.folder.appendingPathComponent(program).path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw ExitError(
                .unavailable,
                "the program '\(program)' is not built: run '\(make)' in the checkout "
                    + "(looked for \(path))")
        }
        var pointers =
            ([path] + ProgramArguments.current.dropFirst()).map { strdup($0) } + [nil]
        execv(path, &pointers)
        throw ExitError(
            .unavailable, "'\(path)' cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Replaces this process by `samus-train` with the same arguments.
    ///
    /// - Throws: ``ExitError`` when there is no `samus-train`; the message says how to build it.
    static func toTrain() throws -> Never {
        let path = trainPath
        guard isPossible else {
            throw ExitError(
                .unavailable,
                "this needs libtorch, and 'samus-train', which has it, is not built: run "
                    + "'make build' in the checkout (looked for \(path))")
        }
        // By default libtorch's threads spin while they wait, which slows down a busy machine. OpenMP
        // reads this variable when the program starts.
        setenv("OMP_WAIT_POLICY", "PASSIVE", 0)
        let arguments = [path] + ProgramArguments.current
        var pointers = arguments.map { strdup($0) } + [nil]
        execv(path, &pointers)
        throw ExitError(
            .unavailable,
            "'\(path)' cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Whether `samus-train` is built.
    static var isPossible: Bool { FileManager.default.isExecutableFile(atPath: trainPath) }

    /// Runs `samus-train` and waits for its end.
    ///
    /// - Parameter arguments: its arguments.
    /// - Returns: what it prints on standard output and standard error.
    /// - Throws: why it cannot be started.
    static func output(of arguments: [String]) throws -> (output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: trainPath)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Standard error of such a program is short: it fits into the pipe.
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let reasons = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: text, as: UTF8.self), String(decoding: reasons, as: UTF8.self))
    }

    private static var trainPath: String {
        ProgramLocation.folder.appendingPathComponent("samus-train").path
    }
}
