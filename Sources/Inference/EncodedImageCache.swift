import Checkpoints
import FileIO
import Foundation
import Imaging

/// A memory cache of image embeddings; the least recently used are removed first.
///
/// The cache is thread-safe. If two threads request the same image concurrently, the first thread
/// encodes it and the second waits.
package final class EncodedImageCache: @unchecked Sendable {
    /// An image and the model that encodes it.
    private struct Key: Hashable {
        let model: String
        let options: RuntimeOptions
        let image: String
    }

    private enum Entry {
        /// A thread is encoding the image.
        case pending
        case cached(FloatTensor, used: Int)
    }

    // Guards the properties below; signalled when an entry is no longer pending.
    private let condition = NSCondition()
    private var entries: [Key: Entry] = [:]
    private var bytes = 0
    private var clock = 0
    private let limit: Int

    /// Creates an empty cache.
    ///
    /// - Parameter limit: largest total size in bytes; an image takes 4 MB with LiteMedSAM and SAM,
    ///   1 MB with SAMUS.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Size of all cached embeddings in bytes.
    package var usedBytes: Int { condition.withLock { bytes } }

    /// Looks up an image's embedding, or encodes the image.
    ///
    /// - Parameters:
    ///   - image: identified by its size and the SHA-256 of its pixels.
    ///   - model: the model's SHA-256.
    ///   - options: the runtime options; embeddings depend on precision and device.
    ///   - encode: encodes the image; called without a lock.
    /// - Returns: the embedding.
    /// - Throws: errors of `encode`, which are not cached; `CancellationError` if the calling task
    ///   is cancelled while it waits for another thread.
    func embedding(
        of image: Image, model: String, options: RuntimeOptions, encode: () throws -> FloatTensor
    ) throws -> FloatTensor {
        var hash = SHA256()
        hash.update(image.pixels)
        let key = Key(
            model: model, options: options,
            image: "\(image.width)x\(image.height)x\(image.channels) \(hash.hexDigest)")
        if let found = try cached(key) { return found }
        do {
            let embedding = try encode()
            finish(key, embedding)
            return embedding
        } catch {
            finish(key, nil)
            throw error
        }
    }

    /// The cached embedding; nil if the caller has to encode the image and then call `finish`.
    private func cached(_ key: Key) throws -> FloatTensor? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            switch entries[key] {
            case .cached(let found, _):
                clock += 1
                entries[key] = .cached(found, used: clock)
                return found
            case .pending:
                // Wake up regularly to check for cancellation.
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.05))
                try Task.checkCancellation()
            case nil:
                entries[key] = .pending
                return nil
            }
        }
    }

    private func finish(_ key: Key, _ embedding: FloatTensor?) {
        condition.lock()
        defer { condition.unlock() }
        entries[key] = nil
        if let embedding, Self.size(embedding) <= limit {
            clock += 1
            entries[key] = .cached(embedding, used: clock)
            bytes += Self.size(embedding)
            while bytes > limit { removeLeastRecentlyUsed() }
        }
        condition.broadcast()
    }

    private func removeLeastRecentlyUsed() {
        var oldest: (key: Key, size: Int, used: Int)?
        for (key, entry) in entries {
            if case .cached(let embedding, let used) = entry, used < oldest?.used ?? .max {
                oldest = (key, Self.size(embedding), used)
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
