import Dispatch
import Evaluation
import Foundation
import Synchronization

/// Where the program speaks to people.
public enum Terminal {
    /// Whether standard error is a terminal, which can redraw a line.
    public static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a line to standard error, after what was printed before.
    public static func complain(_ line: String) {
        fflush(nil)
        write(line.visible + "\n")
    }

    /// Writes to standard error as it is; when nobody listens there, nothing happens.
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

extension String {
    /// The text with control characters as `\u{…}`, but for line breaks: a file's name or a label
    /// must not move the cursor or forge a line.
    var visible: String {
        let hidden: Set<Unicode.GeneralCategory> = [
            .control, .format, .lineSeparator, .paragraphSeparator,
        ]
        return unicodeScalars.reduce(into: "") { result, scalar in
            let isHidden = scalar != "\n" && hidden.contains(scalar.properties.generalCategory)
            result += isHidden ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }

    /// The text on one line, control characters and line breaks made visible.
    var visibleLine: String {
        visible.replacingOccurrences(of: "\n", with: "\\n")
    }
}

/// A line on the terminal that says how far a run is; nothing where there is no terminal.
public struct ProgressBar {
    private let total: Int
    private let start = ContinuousClock.now
    private var isShown = false

    /// - Parameter total: pieces of work.
    public init(total: Int) {
        self.total = total
    }

    /// Draws the line, when there is more than one piece and a terminal.
    ///
    /// - Parameters:
    ///   - done: pieces that are done.
    ///   - name: what comes next.
    public mutating func show(done: Int, name: String) {
        guard Terminal.isInteractive, total > 1 else { return }
        let width = 24
        let filled = width * done / total
        let bar =
            String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let elapsed = (ContinuousClock.now - start).inSeconds
        let left = done > 0 ? ", \(Int(elapsed / Double(done) * Double(total - done))) s left" : ""
        Terminal.write(
            "\r\u{1B}[K[\(bar)] \(done)/\(total)\(left)  \(name.suffix(40).description.visibleLine)"
        )
        isShown = true
    }

    /// Takes the line away, so that something else can be written.
    public mutating func clear() {
        guard isShown else { return }
        Terminal.write("\r\u{1B}[K")
        isShown = false
    }
}

/// Ctrl-C and SIGTERM, asked about between pieces of work: what is begun is finished and written.
///
/// A second one ends the program at once.
public final class Interruption {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let flag = Flag()
    private let sources: [any DispatchSourceSignal]

    /// Listens from now on.
    ///
    /// - Parameter work: what is finished first, in words.
    public init(finishing work: String = "the image at hand") {
        let flag = flag
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(
                signal: number, queue: .global(qos: .userInitiated))
            source.setEventHandler {
                if flag.isSet.exchange(true, ordering: .relaxed) {
                    _exit(Failure.interrupted.rawValue)
                }
                Terminal.complain("finishing \(work); once more to stop at once")
            }
            source.resume()
            return source
        }
    }

    /// Whether somebody wants the program to end.
    public var isRequested: Bool { flag.isSet.load(ordering: .relaxed) }
}
