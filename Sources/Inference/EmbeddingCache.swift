import Checkpoints
import FileIO
import Foundation
import Imaging

/// Embeddings of images, for those that come again; the longest unused go first.
///
/// May be used from many threads. Two that ask for one image at a time encode it once: the second
/// waits for the first.
public final class EmbeddingCache: @unchecked Sendable {
    /// An image, as one model sees it.
    private struct Key: Hashable {
        let model: String
        let options: RuntimeOptions
        let image: String
    }

    private enum Entry {
        /// Somebody encodes it.
        case pending
        case ready(FloatTensor, used: Int)
    }

    // Guards what follows; told when an entry is no longer pending.
    private let condition = NSCondition()
    private var entries: [Key: Entry] = [:]
    private var bytes = 0
    private var clock = 0
    private let limit: Int

    /// An empty cache.
    ///
    /// - Parameter limit: bytes of all embeddings together; LiteMedSAM and SAM have 4 MB a
    ///   image, SAMUS 1 MB.
    public init(limit: Int) {
        self.limit = limit
    }

    /// Bytes that are kept now.
    public var usedBytes: Int { condition.withLock { bytes } }

    /// An image's embedding.
    ///
    /// - Parameters:
    ///   - image: told from others by the SHA-256 of its pixels, and its size.
    ///   - model: the model's SHA-256.
    ///   - options: how it runs: other precisions and devices give other embeddings.
    ///   - encode: makes the embedding, when it is not here; called without a lock.
    /// - Returns: the embedding.
    /// - Throws: what `encode` throws, and then nothing is kept; `CancellationError` when the task
    ///   that calls is cancelled while it waits for another.
    func embedding(
        of image: Image, model: String, options: RuntimeOptions, encode: () throws -> FloatTensor
    ) throws -> FloatTensor {
        var hash = SHA256()
        hash.update(image.pixels)
        let key = Key(
            model: model, options: options,
            image: "\(image.width)x\(image.height)x\(image.channels) \(hash.hexDigest)")
        if let found = try find(key) { return found }
        do {
            let made = try encode()
            finish(key, made)
            return made
        } catch {
            finish(key, nil)
            throw error
        }
    }

    /// What is kept; nil where the caller has to make it, and is expected to.
    private func find(_ key: Key) throws -> FloatTensor? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            switch entries[key] {
            case .ready(let found, _):
                clock += 1
                entries[key] = .ready(found, used: clock)
                return found
            case .pending:
                // Now and then a look at whether the caller still wants it.
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.05))
                try Task.checkCancellation()
            case nil:
                entries[key] = .pending
                return nil
            }
        }
    }

    private func finish(_ key: Key, _ made: FloatTensor?) {
        condition.lock()
        defer { condition.unlock() }
        entries[key] = nil
        if let made, Self.size(made) <= limit {
            clock += 1
            entries[key] = .ready(made, used: clock)
            bytes += Self.size(made)
            while bytes > limit { removeOldest() }
        }
        condition.broadcast()
    }

    private func removeOldest() {
        var oldest: (key: Key, size: Int, used: Int)?
        for (key, entry) in entries {
            if case .ready(let kept, let used) = entry, used < oldest?.used ?? .max {
                oldest = (key, Self.size(kept), used)
            }
        }
        guard let oldest else { return }
        entries[oldest.key] = nil
        bytes -= oldest.size
    }

    private static func size(_ embedding: FloatTensor) -> Int {
        embedding.values.count * MemoryLayout<Float>.stride
    }
}
