import FileIO
import Foundation

/// The figures of the progress line.
public struct ProgressFigures: Equatable, Sendable {
    /// The epoch under way, from 1.
    public var epoch: Int
    /// Number of epochs.
    public var epochs: Int
    /// Optimizer steps done.
    public var step: Int
    /// Number of optimizer steps.
    public var steps: Int
    /// The loss of the last step.
    public var loss: Double
    /// Images per second.
    public var rate: Double
    /// Fraction of the time spent waiting for data, 0 to 1.
    public var waited: Double
    /// Seconds to the end; nil where unknown.
    public var secondsLeft: Double?
    /// Resident memory in bytes; nil where unknown.
    public var memory: Int?

    /// - Parameters:
    ///   - epoch: the epoch under way, from 1.
    ///   - epochs: number of epochs.
    ///   - step: optimizer steps done.
    ///   - steps: number of optimizer steps.
    ///   - loss: the loss of the last step.
    ///   - rate: images per second.
    ///   - waited: fraction of the time spent waiting for data, 0 to 1.
    ///   - secondsLeft: seconds to the end; nil where unknown.
    ///   - memory: resident memory in bytes.
    public init(
        epoch: Int, epochs: Int, step: Int, steps: Int, loss: Double, rate: Double, waited: Double,
        secondsLeft: Double? = nil, memory: Int? = ProcessMemory.resident()
    ) {
        self.epoch = epoch
        self.epochs = epochs
        self.step = step
        self.steps = steps
        self.loss = loss
        self.rate = rate
        self.waited = waited
        self.secondsLeft = secondsLeft
        self.memory = memory
    }

    /// One line: `epoch 3/200  step 120/9600  loss 0.4213  5.1 images/s  1 h 02 min left …`.
    public var line: String {
        var parts = [
            "epoch \(epoch)/\(epochs)", "step \(step)/\(steps)",
            "loss \(String(format: "%.4f", loss))",
            "\(String(format: rate < 10 ? "%.2f" : "%.0f", rate)) images/s",
        ]
        if let secondsLeft { parts.append("\(Self.text(secondsLeft)) left") }
        if let memory { parts.append("\((memory + 500_000) / 1_000_000) MB") }
        parts.append("\(String(format: "%.1f", 100 * waited)) % waiting for data")
        return parts.joined(separator: "  ")
    }

    /// A duration in its two largest units.
    ///
    /// - Parameter seconds: the duration.
    /// - Returns: for example `2 d 3 h`, `1 h 05 min`, `4 min 10 s` or `12 s`; `?` for infinity or
    ///   NaN.
    public static func text(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        let (days, hours) = (whole / 86400, whole % 86400 / 3600)
        let (minutes, rest) = (whole % 3600 / 60, whole % 60)
        if days > 0 { return "\(days) d \(hours) h" }
        if hours > 0 { return "\(hours) h \(String(format: "%02d", minutes)) min" }
        return minutes > 0 ? "\(minutes) min \(rest) s" : "\(rest) s"
    }
}

/// The progress line on standard error: redrawn on a terminal, else written every 30 seconds.
public struct TrainingProgress {
    private let isInteractive: Bool
    private let interval: Duration
    private let width: Int
    private let write: (String) -> Void
    private let now: () -> ContinuousClock.Instant
    private var last: ContinuousClock.Instant?
    private var isShown = false

    /// A progress line.
    ///
    /// - Parameter interval: seconds between two lines without a terminal.
    public init(interval: Double = 30) {
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        self.init(
            isInteractive: isatty(STDERR_FILENO) == 1, interval: .seconds(interval),
            width: isKnown ? Int(size.ws_col) : 120, write: Self.writeToStandardError,
            now: { .now })
    }

    init(
        isInteractive: Bool, interval: Duration, width: Int, write: @escaping (String) -> Void,
        now: @escaping () -> ContinuousClock.Instant
    ) {
        self.isInteractive = isInteractive
        self.interval = interval
        self.width = width
        self.write = write
        self.now = now
    }

    /// Shows the progress, at most ten times a second, or once per interval without a terminal.
    ///
    /// - Parameter figures: evaluated only when they are shown.
    public mutating func show(_ figures: @autoclosure () -> ProgressFigures) {
        show(line: figures().line)
    }

    /// Shows another line in the place of the progress, as often.
    ///
    /// - Parameter line: evaluated only when it is shown.
    public mutating func show(line: @autoclosure () -> String) {
        let time = now()
        let pause = isInteractive ? .milliseconds(100) : interval
        if let last, time - last < pause { return }
        last = time
        guard isInteractive else {
            write(line() + "\n")
            return
        }
        // A line that wraps could not be redrawn.
        write("\r\u{1B}[K" + line().prefix(width - 1))
        isShown = true
    }

    /// Prints a line that stays, as the result of an epoch, above the progress line.
    ///
    /// - Parameter line: text without a line break.
    public mutating func print(_ line: String) {
        clear()
        write(line.visible + "\n")
    }

    /// Removes the progress line from the terminal.
    public mutating func clear() {
        guard isShown else { return }
        write("\r\u{1B}[K")
        isShown = false
        last = nil
    }

    /// Errors are ignored: the training continues when standard error is closed.
    private static func writeToStandardError(_ text: String) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    Foundation.write(STDERR_FILENO, $0 + done, bytes.count - done)
                } ?? 0
            }
            guard count > 0 else { return }
            done += count
        }
    }
}

/// Memory of this process.
public enum ProcessMemory {
    /// Resident memory in bytes; nil where the system does not report it.
    public static func resident() -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Peak memory in bytes; nil where the system does not report it.
    public static func peak() -> Int? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.value, &usage) == 0 else { return nil }
        #if os(Linux)
            return usage.ru_maxrss * 1024
        #else
            return usage.ru_maxrss
        #endif
    }
}

#if canImport(Glibc)
    extension __rusage_who {
        fileprivate var value: __rusage_who_t { __rusage_who_t(Int32(rawValue)) }
    }
#else
    extension Int32 {
        fileprivate var value: Int32 { self }
    }
#endif
