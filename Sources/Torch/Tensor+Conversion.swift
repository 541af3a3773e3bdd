/// The order in which the elements of a `[B, C, H, W]` tensor lie in memory.
public enum MemoryFormat: Int, Sendable {
    /// Row-major: a channel's pixels lie together.
    case contiguous = 0
    /// A pixel's channels lie together; what most convolutions run fastest on.
    case channelsLast = 2
}

extension Tensor {
    /// The same numbers as another type.
    ///
    /// - Parameter dtype: the type wanted.
    /// - Returns: this tensor itself when it is of the type already.
    public func to(_ dtype: DType) -> Tensor {
        dtype == self.dtype ? self : call("to.dtype", self, dtype)
    }

    /// The same elements on another device.
    ///
    /// - Parameter device: the device wanted.
    /// - Returns: this tensor itself when it is there already.
    public func to(_ device: Device) -> Tensor {
        call("to.device", self, device, dtype)
    }

    /// The same elements without gaps in memory; this tensor itself when it has none.
    public func contiguous(_ format: MemoryFormat = .contiguous) -> Tensor {
        if format == .contiguous && isContiguous { return self }
        return call("contiguous", self, format.rawValue)
    }

    /// A copy with memory of its own.
    public func clone() -> Tensor {
        call("clone", self)
    }

    /// The same elements, cut off from the history of gradients.
    public func detached() -> Tensor {
        call("detach", self)
    }

    /// Writes the elements of another tensor into this one's memory, converted and broadcast.
    ///
    /// - Parameter source: a tensor whose shape broadcasts to this one's.
    public func assign(from source: Tensor) {
        _ = call("copy_", self, source)
    }

    /// Writes one value into every element, in this tensor's memory.
    public func fill(with value: Double) {
        _ = call("fill_.Scalar", self, value)
    }

    /// Writes one whole number into every element, in this tensor's memory; exact in integers.
    public func fill(with value: Int) {
        _ = call("fill_.Scalar", self, value)
    }
}
