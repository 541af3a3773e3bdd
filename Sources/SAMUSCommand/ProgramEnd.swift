import Foundation

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
