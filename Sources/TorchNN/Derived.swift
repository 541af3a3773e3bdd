import Synchronization
import Torch

/// What a module computes from its weights alone, kept for inference as long as they stay the same.
///
/// With gradients it is computed anew each time, so that they reach the weights. It may be asked
/// for on several threads.
public final class Derived: Sendable {
    private struct Kept {
        let value: Tensor
        let sources: [Tensor.Snapshot]
    }

    private let kept = Mutex<Kept?>(nil)

    /// Nothing computed yet.
    public init() {}

    /// The value, computed where it is not kept.
    ///
    /// - Parameters:
    ///   - sources: all tensors the value depends on, at least one.
    ///   - compute: gives the value; kept values are computed in the sources' own precision.
    /// - Returns: the value.
    public func value(of sources: [Tensor], _ compute: () -> Tensor) -> Tensor {
        guard !isGradEnabled else { return compute() }
        return kept.withLock { kept in
            if let kept, zip(kept.sources, sources).allSatisfy({ $0.isCurrent($1) }) {
                return kept.value
            }
            let value = withAutocast(to: .float32, on: Device(sources[0].device.kind), compute)
            kept = Kept(value: value, sources: sources.map { Tensor.Snapshot(of: $0) })
            return value
        }
    }
}
