import Dispatch

/// Work that blocks its thread, a few pieces at a time, on threads of its own: those that Swift runs
/// tasks on are for work that does not.
final class BoundedWork: Sendable {
    private let turns: Turns
    private let executor = BlockingExecutor()

    /// - Parameter limit: pieces at a time.
    init(limit: Int) {
        turns = Turns(free: limit)
    }

    /// Waits for a turn and does some work.
    ///
    /// - Parameter body: may look at `Task.isCancelled`.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; `CancellationError` when the task is cancelled before.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await turns.take()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withTaskExecutorPreference(executor) {
                    try await Self.onExecutor(body)
                })
        } catch {
            result = .failure(error)
        }
        await turns.giveBack()
        return try result.get()
    }

    /// Belongs to no actor, and so runs where the task's executor says.
    @concurrent
    private static func onExecutor<Result: Sendable>(
        _ body: @Sendable () throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try body()
    }
}

/// Threads that may block.
private final class BlockingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "samus.blocking", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}

/// Turns, first come first served.
private actor Turns {
    private var free: Int
    private var waiting: [(number: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var next = 0

    init(free: Int) {
        self.free = free
    }

    func take() async throws {
        try Task.checkCancellation()
        guard free == 0 else {
            free -= 1
            return
        }
        next += 1
        let number = next
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                // Cancelled before it waits: nobody would wake it.
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiting.append((number, continuation))
                }
            }
        } onCancel: {
            Task { await self.leave(number) }
        }
    }

    private func leave(_ number: Int) {
        guard let place = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: place).continuation.resume(throwing: CancellationError())
    }

    func giveBack() {
        guard waiting.isEmpty else {
            waiting.removeFirst().continuation.resume()
            return
        }
        free += 1
    }
}
