import Foundation
import Synchronization

/// A thread that runs closures one after the other, for state that belongs to a thread.
public final class Worker: Sendable {
    private let waiting = Mutex<[(@Sendable () -> Void)?]>([])
    private let work = DispatchSemaphore(value: 0)

    /// Starts a thread that waits for work until ``finish()``.
    public init() {
        Thread { [self] in
            repeat { work.wait() } while runNext()
        }.start()
    }

    /// Ends the thread.
    public func finish() {
        add(nil)
    }

    private func add(_ body: (@Sendable () -> Void)?) {
        waiting.withLock { $0.append(body) }
        work.signal()
    }

    private func runNext() -> Bool {
        let body = waiting.withLock { $0.removeFirst() }
        body?()
        return body != nil
    }

    /// Runs `body` on the thread and waits.
    ///
    /// - Parameter body: the closure to run.
    /// - Returns: what `body` returns.
    public func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        let result = Mutex<Result?>(nil)
        let done = DispatchSemaphore(value: 0)
        add {
            let value = body()
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        guard let value = result.withLock({ $0 }) else {
            preconditionFailure("nothing was returned")
        }
        return value
    }
}

/// Runs `body` on a new thread and waits.
///
/// - Parameter body: the closure to run.
/// - Returns: what `body` returns.
public func onAnotherThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
    let worker = Worker()
    defer { worker.finish() }
    return worker.run(body)
}
