import Dispatch
import Evaluation
import FileIO
import Foundation
import Synchronization

/// The only way to print.
///
/// Results go to standard output; notes, errors and progress go to standard error. Control
/// characters, which names and files can contain, are made visible.
public enum Terminal {
    /// Whether standard error is a terminal, which can redraw a line.
    public static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Prints a line of a result to standard output.
    ///
    /// - Parameters:
    ///   - text: one or more lines; control characters in them are made visible.
    ///   - terminator: what follows the text.
    public static func print(_ text: String, terminator: String = "\n") {
        Swift.print(text.visible, terminator: terminator)
    }

    /// Prints a JSON text to standard output.
    ///
    /// - Parameters:
    ///   - json: the text; control characters in its strings are escaped as JSON does it.
    ///   - terminator: what follows the text.
    public static func print(json: String, terminator: String = "\n") {
        Swift.print(json.withVisibleJSONStrings, terminator: terminator)
    }

    /// Writes a line to standard error, after everything that has been printed so far.
    ///
    /// - Parameter line: control characters in it are made visible.
    public static func log(_ line: String) {
        fflush(nil)
        write(line.visible + "\n")
    }

    /// Writes text to standard error unchanged; errors are ignored.
    public static func write(_ text: String) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    Foundation.write(STDERR_FILENO, $0 + done, bytes.count - done)
                }
            }
            guard let count, count > 0 else { return }
            done += count
        }
    }
}

/// A progress bar on standard error; where that is no terminal, a line every 30 seconds.
public struct ProgressBar {
    private static let logInterval = Duration.seconds(30)

    private let total: Int
    private let start = ContinuousClock.now
    private var lastLog = ContinuousClock.now
    private var isShown = false

    /// - Parameter total: how many steps there are.
    public init(total: Int) {
        self.total = total
    }

    /// Draws the bar, or writes a line, when there is more than one step.
    ///
    /// - Parameters:
    ///   - done: steps that are done.
    ///   - name: the step that is running.
    public mutating func show(done: Int, name: String) {
        guard total > 1 else { return }
        let now = ContinuousClock.now
        let elapsed = (now - start).inSeconds
        let left = done > 0 ? ", \(Int(elapsed / Double(done) * Double(total - done))) s left" : ""
        guard Terminal.isInteractive else {
            guard now - lastLog >= Self.logInterval else { return }
            lastLog = now
            Terminal.log("\(done)/\(total)\(left)  \(name)")
            return
        }
        let width = 24
        let filled = width * done / total
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        Terminal.write(
            "\r\u{1B}[K[\(bar)] \(done)/\(total)\(left)  \(name.suffix(40).description.visibleLine)"
        )
        isShown = true
    }

    /// Removes the bar, so that something else can be written.
    public mutating func clear() {
        guard isShown else { return }
        Terminal.write("\r\u{1B}[K")
        isShown = false
    }
}

/// Ctrl-C and SIGTERM, checked between steps, so that the current step is finished and written.
///
/// A second signal ends the program at once.
public final class Interruption {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    /// Listens for signals from now on.
    ///
    /// - Parameter step: what is finished first, for the message: "the current image".
    public init(finishing step: String = "the current image") {
        let flag = flag
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(
                signal: number, queue: .global(qos: .userInitiated))
            source.setEventHandler {
                if flag.isSet.exchange(true, ordering: .relaxed) {
                    _exit(ExitStatus.interrupted.rawValue)
                }
                Terminal.log("finishing \(step); interrupt again to stop at once")
            }
            source.resume()
            return source
        }
    }

    /// Whether the user has asked the program to end.
    public var isRequested: Bool { flag.isSet.load(ordering: .relaxed) }
}
