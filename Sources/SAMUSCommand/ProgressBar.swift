import Evaluation
import Foundation

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
