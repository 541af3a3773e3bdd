import Torch

/// A tensor that belongs to a module and is saved with it.
///
/// The module holds it as a `let`; its value changes when weights are loaded or folded.
public class StoredValue {
    /// The tensor itself.
    public internal(set) var value: Tensor

    init(_ value: Tensor) {
        self.value = value
    }
}

/// A weight that training can change.
public final class Parameter: StoredValue {
    /// A weight with its first value; it requires a gradient until it is frozen.
    public override init(_ value: Tensor) {
        super.init(value)
        value.requiringGrad()
    }

    /// Whether gradients are computed for it.
    public var isTrainable: Bool {
        get { value.requiresGrad }
        set { value.requiringGrad(newValue) }
    }

    /// The gradient gathered by the last backward passes, if there is one.
    public var grad: Tensor? {
        value.grad
    }
}

/// A tensor that a module computes or keeps itself, as a running mean; never trained.
public final class Buffer: StoredValue {
    /// Whether checkpoints hold it.
    public let isSaved: Bool

    /// A buffer with its first value.
    ///
    /// - Parameters:
    ///   - value: its first value.
    ///   - isSaved: false for what the module's sizes alone determine.
    public init(_ value: Tensor, isSaved: Bool = true) {
        self.isSaved = isSaved
        super.init(value)
    }
}
