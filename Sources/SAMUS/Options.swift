import Foundation
import Inference

extension SAMUS {
    /// Device, precision and threads.
    public typealias Runtime = RuntimeOptions

    /// How a model runs and what it keeps.
    public struct Options: Sendable {
        /// Device, precision and threads.
        public var runtime: Runtime
        /// Requests that run at the same time; others wait their turn.
        public var concurrentRequests: Int
        /// Bytes of embeddings kept for pictures that come again; 0 for none.
        public var embeddingBytes: Int
        /// The folder of compiled models; nil to compile at each start.
        public var cache: URL?

        /// Options.
        ///
        /// - Parameters:
        ///   - runtime: device, precision and threads.
        ///   - concurrentRequests: that run at the same time, at least 1.
        ///   - embeddingBytes: kept for pictures that come again; 0 for none.
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
