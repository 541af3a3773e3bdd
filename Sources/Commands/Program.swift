import ArgumentParser
@preconcurrency import Foundation
import Imaging

/// The exit codes of `samus` besides 0 and 64 (wrong arguments); the numbers are those of
/// `sysexits.h` where possible.
public enum ExitStatus: Int32, Sendable {
    /// Some images failed; the others are done.
    case someImages = 1
    /// All images are done, and nothing was found in any of them.
    case nothingFound = 3
    /// An input is missing or cannot be used.
    case input = 66
    /// The model or a part of the program is missing or does not fit.
    case unavailable = 69
    /// Results cannot be written.
    case output = 73
    /// The user stopped the program.
    case interrupted = 130
}

/// An error that ends the program with an exit code of its own.
public struct ExitError: Error, Equatable, CustomStringConvertible {
    /// The exit code.
    public let status: ExitStatus
    /// The message on standard error; nil if it has already been printed.
    public let message: String?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - status: the exit code.
    ///   - message: what went wrong, without "error:"; nil if it has already been printed.
    public init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }

    /// The message.
    public var description: String { message ?? "exit code \(status.rawValue)" }
}

/// Runs `body`; an error that it throws ends the program with `status`.
///
/// - Parameters:
///   - status: the exit code of errors that have none.
///   - body: the work.
/// - Returns: what `body` returns.
/// - Throws: ``ExitError``.
public func withExitStatus<Result>(
    _ status: ExitStatus, _ body: () throws -> Result
) throws -> Result {
    do {
        return try body()
    } catch let error as ExitError {
        throw error
    } catch let error as ExitCode {
        throw error
    } catch {
        throw ExitError(status, "\(error)")
    }
}

extension ParsableCommand {
    /// Parses the arguments of this process, runs the command, and ends the process with its code.
    public static func runProgram() -> Never {
        // Logs in files show each line at once.
        setvbuf(stdout, nil, _IOLBF, 0)
        // A file that reaches the limit of 'ulimit -f' is an error of writing, not the end.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(ProgramArguments.current)
            try command.run()
        } catch let error as ExitError {
            if let message = error.message { Terminal.log("error: \(message)") }
            flushOutput()
            Foundation.exit(error.status.rawValue)
        } catch {
            let (status, text) = (exitCode(for: error), fullMessage(for: error))
            if !text.isEmpty {
                if status.isSuccess { Terminal.print(text) } else { Terminal.log(text) }
            }
            flushOutput()
            Foundation.exit(status.rawValue)
        }
        flushOutput()
        Foundation.exit(0)
    }

    /// Reports output that could not be written: a full disk must not look like success.
    private static func flushOutput() {
        // A line that could not be written is discarded: only the error flag remembers it.
        let isFlushed = fflush(nil) == 0
        let reason = isFlushed ? "a line is missing" : String(cString: strerror(errno))
        guard !isFlushed || ferror(stdout) != 0 else { return }
        Terminal.log("error: the output could not be written: \(reason)")
        Foundation.exit(ExitStatus.output.rawValue)
    }
}

/// The arguments of this process, with former option names replaced by current ones.
public enum ProgramArguments {
    /// An option that has a new name; the former one works for one release.
    struct RenamedOption {
        /// The command that has the option: `segment`.
        let command: String
        let former: String
        let name: String
    }

    static let renamedOptions = [
        RenamedOption(command: "segment", former: "--negative", name: "--background-point"),
        RenamedOption(command: "segment", former: "--auto", name: "--prompt-free"),
        RenamedOption(
            command: "export", former: "--calibration-pictures", name: "--calibration-images"),
        RenamedOption(command: "train", former: "--picture-cache", name: "--image-cache"),
        RenamedOption(command: "train", former: "--dice-per-picture", name: "--dice-per-image"),
        RenamedOption(command: "train", former: "--validate", name: "--validation-prompts"),
        RenamedOption(command: "train", former: "--keep-every", name: "--save-every"),
    ]

    /// Without the program's name; one note on standard error for each former name in use.
    static let current: [String] = {
        let (arguments, notes) = renamed(Array(CommandLine.arguments.dropFirst()))
        notes.forEach(Terminal.log)
        return withLatest(arguments)
    }()

    /// Completes `train --resume` without a value: it means the latest run.
    ///
    /// - Parameter arguments: without the program's name.
    /// - Returns: the arguments, with `latest` after such an option.
    static func withLatest(_ arguments: [String]) -> [String] {
        guard arguments.first == "train", let place = arguments.firstIndex(of: "--resume"),
            place + 1 == arguments.count || arguments[place + 1].hasPrefix("--")
        else { return arguments }
        var arguments = arguments
        arguments.insert("latest", at: place + 1)
        return arguments
    }

    /// Replaces former option names, in the forms `--negative 1,2` and `--negative=1,2`.
    ///
    /// - Parameter arguments: without the program's name; the first one names the command.
    /// - Returns: the arguments with current names, and a note for each former name.
    static func renamed(_ arguments: [String]) -> (arguments: [String], notes: [String]) {
        let options = renamedOptions.filter { $0.command == arguments.first }
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        var result = arguments
        var notes: [String] = []
        for index in 0..<end {
            let parts = arguments[index].split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = options.first(where: { $0.former == parts[0] }) else { continue }
            result[index] = ([option.name] + parts.dropFirst().map(String.init))
                .joined(separator: "=")
            let note =
                "note: \(option.former) is now called \(option.name); "
                + "the former name will be removed in the next release"
            if !notes.contains(note) { notes.append(note) }
        }
        return (result, notes)
    }
}

/// The version of the program, in its output and its results.
public enum ProgramVersion {
    /// Major, minor and patch.
    public static let current = "0.2.0"
}
