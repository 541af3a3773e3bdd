import Dispatch
import Foundation
@_exported import Imaging
import Imaging
import Inference
import Segmentation
@_exported import Segmentation

/// Outlines objects in ultrasound images with a model bundle: research use only, not a medical
/// device.
///
/// ```swift
/// let samus = try await SAMUS(bundle: URL(fileURLWithPath: "litemedsam.samus"))
/// let found = try await samus.segment(image, .click(x: 120, y: 88))
/// try found.mask.image().encodedPNG()
/// ```
///
/// May be used from many tasks at a time. A task that is cancelled ends with `CancellationError`, in
/// a fraction of a second also while the model runs. Prompts on an image that was given before
/// find its embedding ready.
public final class SAMUS: Sendable {
    /// The model itself, for work that this class has no function for, as `AutomaticMaskGenerator`.
    ///
    /// Its functions block the thread that calls them.
    public let engine: any SegmentationEngine
    private let work: BoundedWork

    /// What the model is and where it comes from.
    public var model: ModelDescription { engine.model }

    /// Opens a bundle and readies its models: seconds the first time, less when they are in the
    /// cache of compiled models.
    ///
    /// - Parameters:
    ///   - bundle: a folder `NAME.samus`.
    ///   - options: how it runs and what it keeps.
    /// - Throws: `ModelBundleError` where the bundle is not whole, `OpenVINOError` where there is no
    ///   OpenVINO or it cannot run the models.
    public init(bundle: URL, options: Options = .init()) async throws {
        let work = BoundedWork(limit: options.concurrentRequests)
        self.work = work
        engine = try await work.run {
            try BundleEngine(
                ModelBundle(bundle), options: options.runtime,
                cache: options.cache.map { CompiledModelCache(folder: $0) },
                embeddings: options.embeddingBytes > 0
                    ? EmbeddingCache(limit: options.embeddingBytes) : nil)
        }
    }

    /// Segments one object.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompt: says which object, in the image's pixels.
    /// - Returns: its mask.
    /// - Throws: `PromptError` when the prompt does not fit the image, `EngineError`,
    ///   `CancellationError`.
    public func segment(_ image: Image, _ prompt: Prompt) async throws -> Segmentation {
        try await segment(image, [prompt])[0]
    }

    /// Segments several objects of one image.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompts: one for each object, in the image's pixels.
    /// - Returns: a mask for each prompt.
    /// - Throws: what ``segment(_:_:)-(_,Prompt)`` throws.
    public func segment(_ image: Image, _ prompts: [Prompt]) async throws -> [Segmentation] {
        // Checked first: a prompt that does not fit costs no encoding.
        let checked = try prompts.map { try $0.checked(for: image.size) }
        return try await work.run { [engine] in
            let embedded = try engine.encode(image)
            return try embedded.predict(checked, multimask: false).map { embedded.restored($0[0]) }
        }
    }

    /// Segments what an ambiguous prompt may mean.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompt: in the image's pixels.
    /// - Returns: the model's candidates, best estimate first.
    /// - Throws: what ``segment(_:_:)-(_,Prompt)`` throws.
    public func candidates(_ image: Image, _ prompt: Prompt) async throws -> [Segmentation] {
        let checked = try prompt.checked(for: image.size)
        return try await work.run { [engine] in
            try engine.encode(image).segment(checked, multimask: true)
        }
    }

    /// Segments the one object that the model finds by itself, as AutoSAMUS does.
    ///
    /// - Parameter image: grey or RGB, of any size.
    /// - Returns: its mask.
    /// - Throws: `EngineError.needsPrompt` when the model needs to be told, `CancellationError`.
    public func segment(_ image: Image) async throws -> Segmentation {
        try await work.run { [engine] in
            try engine.encode(image).segmentPromptFree()
        }
    }
}

extension SAMUS {
    /// Device, precision and threads.
    public typealias Runtime = RuntimeOptions

    /// How a model runs and what it keeps.
    public struct Options: Sendable {
        /// Device, precision and threads.
        public var runtime: Runtime
        /// Requests that run at the same time; others wait their turn.
        public var concurrentRequests: Int
        /// Bytes of embeddings kept for images that come again; 0 for none.
        public var embeddingBytes: Int
        /// The folder of compiled models; nil to compile at each start.
        public var cache: URL?

        /// Options.
        ///
        /// - Parameters:
        ///   - runtime: device, precision and threads.
        ///   - concurrentRequests: that run at the same time, at least 1.
        ///   - embeddingBytes: kept for images that come again; 0 for none.
        ///   - cache: of compiled models; nil to compile at each start.
        public init(
            runtime: Runtime = .init(), concurrentRequests: Int = 2,
            embeddingBytes: Int = 64 << 20, cache: URL? = Self.standardCache
        ) {
            precondition(concurrentRequests > 0, "at least one request at a time")
            self.runtime = runtime
            self.concurrentRequests = concurrentRequests
            self.embeddingBytes = embeddingBytes
            self.cache = cache
        }

        /// `SAMUS_CACHE`, else `samus` in `XDG_CACHE_HOME` or `~/.cache`; nil where there is none.
        public static var standardCache: URL? { CompiledModelCache.standard()?.folder }
    }
}

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
