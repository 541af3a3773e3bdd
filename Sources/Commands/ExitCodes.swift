import ArgumentParser
import Foundation

/// An end of the program with a code of its own, named as in `sysexits.h` where it has one.
public enum Failure: Int32 {
    /// Some images failed, the others are done.
    case someImages = 1
    /// An input is missing or cannot be used.
    case input = 66
    /// The model or a part of the program is missing or does not fit.
    case unavailable = 69
    /// Results cannot be written.
    case output = 73
    /// Somebody stopped it.
    case interrupted = 130

    /// Says why on standard error and gives what ends the program.
    public func because(_ reason: String) -> ExitCode {
        Terminal.complain("error: \(reason)")
        return ExitCode(rawValue)
    }

    /// Ends the program with this code where `body` throws, with the error's words.
    public func guarding<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let said as ExitCode {
            throw said
        } catch {
            throw because("\(error)")
        }
    }
}

/// The end of a program whose command has run.
public enum ProgramEnd {
    /// Sees to it that all that was printed has arrived; ends the program where it has not.
    public static func flush() {
        guard fflush(nil) != 0 else { return }
        let reason = String(cString: strerror(errno))
        Terminal.complain("error: not all that was printed could be written: \(reason)")
        exit(Failure.output.rawValue)
    }
}
