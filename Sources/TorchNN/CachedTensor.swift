import Synchronization
import Torch

/// A tensor that a module computes from its weights alone, cached for inference until they change.
///
/// With gradients it is computed on each use, so that gradients reach the weights. Several threads
/// may use it at the same time.
public final class CachedTensor: Sendable {
    private struct Entry {
        let value: Tensor
        let sources: [Tensor.Snapshot]
    }

    private let entry = Mutex<Entry?>(nil)

    /// An empty cache.
    public init() {}

    /// The tensor that is in the cache, perhaps of former sources; nil where there is none.
    public var cached: Tensor? { entry.withLock { $0?.value } }

    /// The tensor, from the cache where the sources have not changed.
    ///
    /// - Parameters:
    ///   - sources: all tensors that the value depends on, at least one.
    ///   - compute: computes the value; a cached value has the precision of the sources, also
    ///     within autocast.
    /// - Returns: the value.
    public func value(of sources: [Tensor], _ compute: () -> Tensor) -> Tensor {
        guard !isGradEnabled else { return compute() }
        return entry.withLock { entry in
            if let entry, zip(entry.sources, sources).allSatisfy({ $0.isCurrent($1) }) {
                return entry.value
            }
            let value = withAutocast(to: .float32, on: Device(sources[0].device.kind), compute)
            entry = Entry(value: value, sources: sources.map { Tensor.Snapshot(of: $0) })
            return value
        }
    }
}
