import FileIO
import Foundation
import Imaging
import Inference
import Segmentation
import Synchronization

/// One worker in front of the model: requests wait in line, and images are encoded once.
///
/// The number of waiting requests is limited. A request whose client has gone, or that has waited
/// too long, is dropped when its turn comes.
final class EngineQueue: Sendable {
    /// What a request may do when its turn has come.
    struct Session {
        fileprivate let worker: Worker

        /// The model that this session uses; another one may follow it.
        var model: ModelDescription { worker.engine.model }

        /// The encoded image, from the cache or encoded now.
        ///
        /// - Parameters:
        ///   - key: identifies the pixels.
        ///   - image: reads the image; called only if it is not in the cache.
        /// - Returns: the encoded image, and whether it was in the cache.
        /// - Throws: errors of `image` and of the model.
        func encoded(
            _ key: String, image: () throws -> Image
        ) throws -> (image: any EncodedImage, wasCached: Bool) {
            try worker.encoded(key, image: image)
        }

        /// Runs a network of the model once.
        ///
        /// - Parameters:
        ///   - network: one of ``EngineQueue/networks``.
        ///   - inputs: tensors that were checked for it.
        /// - Returns: its outputs, in their order.
        /// - Throws: errors of the model.
        func run(
            _ network: TensorNetwork, _ inputs: [String: FloatTensor]
        ) throws -> [FloatTensor] {
            guard let engine = worker.engine as? any TensorEngine,
                engine.networks.contains(network)
            else {
                throw RequestError(
                    .conflict, "the model was changed meanwhile: read its metadata again")
            }
            return try engine.run(network, inputs)
        }
    }

    /// What the queue has done so far, for the metrics.
    struct Counts: Sendable {
        var waiting = 0
        var started = 0
        var encodings = 0
        var cacheHits = 0
        var refused = 0
        var dropped = 0
        var secondsEncoding = 0.0
    }

    private let queue = DispatchQueue(label: "samus.engine", qos: .userInitiated)
    private let worker: Worker
    private let limits: ServerConfiguration.Limits
    private let shared = Mutex(Counts())
    /// The worker's engine, for other threads: they may ask it what it is.
    private let served: Mutex<any SegmentationEngine>
    /// Whether a look at the time since the last request is planned.
    private let isWatching = Mutex(false)

    /// The model that answers now.
    var model: ModelDescription { served.withLock { $0.model } }
    /// The networks of the model that can be called with tensors; a resting model is loaded for it.
    var networks: [TensorNetwork] {
        (served.withLock { $0 } as? any TensorEngine)?.networks ?? []
    }

    /// What the queue has done so far.
    var counts: Counts {
        var counts = shared.withLock { $0 }
        let worker = worker.counts.withLock { $0 }
        counts.encodings = worker.encodings
        counts.cacheHits = worker.cacheHits
        counts.secondsEncoding = worker.secondsEncoding
        return counts
    }

    init(engine: any SegmentationEngine, limits: ServerConfiguration.Limits) {
        worker = Worker(engine: engine, limit: limits.encodedImages)
        served = Mutex(engine)
        self.limits = limits
    }

    /// Answers with another model from now on, after the request that runs.
    ///
    /// Images that the former model encoded are forgotten.
    func replace(by engine: any SegmentationEngine) async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                worker.replace(by: engine)
                served.withLock { $0 = engine }
                continuation.resume()
            }
        }
    }

    /// Lets a model that can rest do so, once no request has come for the time of the limits.
    private func watch() {
        guard let seconds = limits.restSeconds, worker.canRest,
            isWatching.withLock({ !$0.exchange(true) })
        else { return }
        plan(after: Double(seconds))
    }

    private func plan(after seconds: Double) {
        queue.asyncAfter(deadline: .now() + seconds) { [self] in
            let left =
                Double(limits.restSeconds ?? 0) - (ContinuousClock.now - worker.lastUse).inSeconds
            guard left <= 0 else { return plan(after: left + 0.01) }
            isWatching.withLock { $0 = false }
            worker.rest()
        }
    }

    /// Waits for the model and uses it.
    ///
    /// - Parameters:
    ///   - client: the client that waits for the answer.
    ///   - body: uses the model; runs on the worker's thread.
    /// - Returns: what `body` returns.
    /// - Throws: ``RequestError`` with status 503 when the queue is full or the request waited too
    ///   long; errors of `body`.
    func run<Result: Sendable>(
        for client: ClientConnection, _ body: @escaping @Sendable (Session) throws -> Result
    ) async throws -> Result {
        let isAccepted = shared.withLock { counts in
            guard counts.waiting < limits.waitingRequests else {
                counts.refused += 1
                return false
            }
            counts.waiting += 1
            return true
        }
        guard isAccepted else {
            throw RequestError(
                .serviceUnavailable,
                "\(limits.waitingRequests) requests already wait for the model; try again later",
                retryAfter: 1)
        }
        let deadline = ContinuousClock.now + .seconds(limits.waitingSeconds)
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                let isLate = ContinuousClock.now > deadline
                shared.withLock {
                    $0.waiting -= 1
                    if client.isGone || isLate { $0.dropped += 1 } else { $0.started += 1 }
                }
                if client.isGone {
                    continuation.resume(throwing: CancellationError())
                } else if isLate {
                    continuation.resume(
                        throwing: RequestError(
                            .serviceUnavailable,
                            "the request waited for the model for \(limits.waitingSeconds) s",
                            retryAfter: limits.waitingSeconds))
                } else {
                    continuation.resume(
                        with: Swift.Result { try body(Session(worker: worker)) })
                    worker.lastUse = .now
                    watch()
                }
            }
        }
    }
}

/// The model and the images that it has encoded.
private final class Worker: @unchecked Sendable {
    struct Counts {
        var encodings = 0
        var cacheHits = 0
        var secondsEncoding = 0.0
    }

    let counts = Mutex(Counts())
    private let limit: Int
    // Used on the queue's thread alone.
    private(set) var engine: any SegmentationEngine
    private var cache: [String: (image: any EncodedImage, used: Int)] = [:]
    private var clock = 0
    var lastUse = ContinuousClock.now

    var canRest: Bool { engine is RestingEngine }

    init(engine: any SegmentationEngine, limit: Int) {
        self.engine = engine
        self.limit = limit
    }

    func replace(by engine: any SegmentationEngine) {
        self.engine = engine
        cache.removeAll()
    }

    /// Gives the model's memory back; encoded images belong to it.
    func rest() {
        cache.removeAll()
        (engine as? RestingEngine)?.rest()
    }

    func encoded(
        _ key: String, image: () throws -> Image
    ) throws -> (image: any EncodedImage, wasCached: Bool) {
        clock += 1
        if let found = cache[key]?.image {
            cache[key] = (found, clock)
            counts.withLock { $0.cacheHits += 1 }
            return (found, true)
        }
        let start = ContinuousClock.now
        let encoded = try engine.encode(image())
        let seconds = (ContinuousClock.now - start).inSeconds
        counts.withLock {
            $0.encodings += 1
            $0.secondsEncoding += seconds
        }
        cache[key] = (encoded, clock)
        while cache.count > max(limit, 1),
            let oldest = cache.min(by: { $0.value.used < $1.value.used })
        {
            cache[oldest.key] = nil
        }
        return (encoded, false)
    }
}

extension Bool {
    /// Sets a value and returns the former one.
    fileprivate mutating func exchange(_ value: Bool) -> Bool {
        defer { self = value }
        return self
    }
}
