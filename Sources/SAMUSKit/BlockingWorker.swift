import Dispatch

/// Runs blocking calls, a limited number concurrently, on threads of its own: Swift's cooperative
/// threads must not block.
final class BlockingWorker: Sendable {
    private let semaphore: AsyncSemaphore
    private let executor = BlockingExecutor()

    /// - Parameter limit: number of calls that run concurrently.
    init(limit: Int) {
        semaphore = AsyncSemaphore(permits: limit)
    }

    /// Waits for a permit and runs a blocking call.
    ///
    /// - Parameter body: the call; may check `Task.isCancelled`.
    /// - Returns: the result of `body`.
    /// - Throws: errors of `body`, converted to ``SegmenterError``; `CancellationError` if the task
    ///   is cancelled before `body` starts.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await semaphore.acquire()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(
                try await withTaskExecutorPreference(executor) {
                    try await Self.onExecutor(body)
                })
        } catch {
            result = .failure(SegmenterError.converting(error))
        }
        await semaphore.release()
        return try result.get()
    }

    /// Is isolated to no actor, and therefore runs on the preferred executor.
    @concurrent
    private static func onExecutor<Result: Sendable>(
        _ body: @Sendable () throws -> Result
    ) async throws -> Result {
        try Task.checkCancellation()
        return try body()
    }
}

/// An executor whose threads may block.
private final class BlockingExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "samus.blocking", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}

/// A semaphore for tasks: first come, first served.
private actor AsyncSemaphore {
    private var permits: Int
    private var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    private var lastID = 0

    init(permits: Int) {
        self.permits = permits
    }

    func acquire() async throws {
        try Task.checkCancellation()
        guard permits == 0 else {
            permits -= 1
            return
        }
        lastID += 1
        let id = lastID
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                // The handler does nothing for a task that is cancelled before it waits.
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiting.append((id, continuation))
                }
            }
        } onCancel: {
            Task { await self.cancel(id) }
        }
    }

    private func cancel(_ id: Int) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    func release() {
        guard waiting.isEmpty else {
            waiting.removeFirst().continuation.resume()
            return
        }
        permits += 1
    }
}
