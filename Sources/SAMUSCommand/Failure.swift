import ArgumentParser
import Foundation

/// An end of the program with a code of its own, named as in `sysexits.h` where it has one.
enum Failure: Int32 {
    case somePictures = 1
    case input = 66
    case unavailable = 69
    case output = 73
    case interrupted = 130

    /// Says why on standard error and gives what ends the program.
    func because(_ reason: String) -> ExitCode {
        Terminal.complain("error: \(reason)")
        return ExitCode(rawValue)
    }

    /// Ends the program with this code where `body` throws, with the error's words.
    func guarding<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let said as ExitCode {
            throw said
        } catch {
            throw because("\(error)")
        }
    }
}
