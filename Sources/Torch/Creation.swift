import CTorch

extension Tensor {
    /// A tensor whose elements are whatever the memory held.
    public static func empty(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        call("empty.memory_format", shape, dtype, nil, device)
    }

    /// A tensor of zeros.
    public static func zeros(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        call("zeros", shape, dtype, nil, device)
    }

    /// A tensor of ones.
    public static func ones(
        _ shape: [Int], dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        call("ones", shape, dtype, nil, device)
    }

    /// A tensor of one value.
    public static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        call("full", shape, value, dtype, nil, device)
    }

    /// A tensor of one whole number; exact in integers.
    public static func full(
        _ shape: [Int], _ value: Int, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        call("full", shape, value, dtype, nil, device)
    }

    /// The numbers `start`, `start + step` … below `end`.
    public static func arange(
        from start: Double = 0, to end: Double, by step: Double = 1, dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        call("arange.start_step", start, end, step, dtype, nil, device)
    }

    /// Tensors of equal shape laid beside each other along an axis they have.
    ///
    /// - Parameters:
    ///   - tensors: equal in all axes but `axis`.
    ///   - axis: axis to join along; negative counts from the end.
    /// - Returns: the joined tensor.
    public static func concatenate(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        call("cat", tensors, axis)
    }

    /// Tensors of equal shape laid beside each other along a new axis.
    ///
    /// - Parameters:
    ///   - tensors: of one shape.
    ///   - axis: where the new axis stands in the result; negative counts from the end.
    /// - Returns: a tensor with one axis more.
    public static func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        call("stack", tensors, axis)
    }

    /// Zeros in the form of this tensor.
    public func zerosLike() -> Tensor {
        call("zeros_like", self)
    }

    /// Ones in the form of this tensor.
    public func onesLike() -> Tensor {
        call("ones_like", self)
    }
}

/// A seeded stream of random numbers on the CPU: the same seed gives the same numbers.
public final class Generator: OperatorArgument, @unchecked Sendable {
    // libtorch locks a generator while it draws.
    private let raw: OpaquePointer

    /// A stream that starts from a seed.
    public init(seed: UInt64) {
        var result: OpaquePointer?
        let message = ct_generator_make(seed, &result)
        guard message == nil, let result else {
            preconditionFailure(message.map { String(cString: $0) } ?? "no generator")
        }
        raw = result
    }

    deinit {
        ct_generator_release(raw)
    }

    /// The generator's handle.
    public func lower(into frame: inout ArgumentFrame) -> ct_value {
        ct_value(CT_GENERATOR, pointer: UnsafeRawPointer(raw))
    }

    /// Seeds the streams that are used where no generator is given, on all devices.
    public static func seedDefault(_ seed: UInt64) {
        guard let message = ct_seed(seed) else { return }
        fatalError(TorchError(op: "manual_seed", shapes: [], taking: message).description)
    }
}

extension Tensor {
    /// Numbers spread evenly from 0 to 1, without 1.
    public static func uniform(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("rand.generator", shape, generator)
    }

    /// Numbers of a normal distribution, mean 0, deviation 1.
    public static func normal(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("randn.generator", shape, generator)
    }

    /// Whole numbers from `range`, as 64-bit integers.
    public static func integers(
        in range: Range<Int>, _ shape: [Int], generator: Generator? = nil
    ) -> Tensor {
        call("randint.low_generator", range.lowerBound, range.upperBound, shape, generator)
    }

    /// The whole numbers below `count` in random order.
    public static func permutation(_ count: Int, generator: Generator? = nil) -> Tensor {
        call("randperm.generator", count, generator)
    }
}

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
