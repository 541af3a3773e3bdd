import CTorch

extension Tensor {
    /// A tensor with uninitialized elements.
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

    /// The numbers `start`, `start + step` …, below `end`.
    public static func arange(
        from start: Double = 0, to end: Double, by step: Double = 1, dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        call("arange.start_step", start, end, step, dtype, nil, device)
    }

    /// Joins tensors along an existing axis.
    ///
    /// - Parameters:
    ///   - tensors: tensors with equal sizes in all axes except `axis`.
    ///   - axis: axis to join along; negative counts from the end.
    /// - Returns: the joined tensor.
    public static func concatenate(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        call("cat", tensors, axis)
    }

    /// Joins tensors of equal shape along a new axis.
    ///
    /// - Parameters:
    ///   - tensors: tensors of one shape.
    ///   - axis: the index of the new axis in the result; negative counts from the end.
    /// - Returns: a tensor with one more axis.
    public static func stack(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
        call("stack", tensors, axis)
    }

    /// Unset elements with the shape, type, device and memory format of this tensor.
    public func emptyLike() -> Tensor {
        call("empty_like", self)
    }

    /// Zeros with the shape, type, device and memory format of this tensor.
    public func zerosLike() -> Tensor {
        call("zeros_like", self)
    }

    /// Ones with the shape, type and device of this tensor.
    public func onesLike() -> Tensor {
        call("ones_like", self)
    }
}

/// A seeded random number generator on the CPU: the same seed gives the same numbers.
public final class Generator: OperatorArgument, @unchecked Sendable {
    // libtorch locks a generator while it is in use.
    private let raw: OpaquePointer

    /// Creates a generator from a seed.
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

    /// Seeds the default generators of all devices.
    public static func seedDefault(_ seed: UInt64) {
        guard let message = ct_seed(seed) else { return }
        fatalError(TorchError(op: "manual_seed", shapes: [], taking: message).description)
    }
}

extension Tensor {
    /// Numbers from a uniform distribution over 0..<1.
    public static func uniform(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("rand.generator", shape, generator)
    }

    /// Numbers from the standard normal distribution.
    public static func normal(_ shape: [Int], generator: Generator? = nil) -> Tensor {
        call("randn.generator", shape, generator)
    }

    /// Integers drawn uniformly from `range`, as int64.
    public static func integers(
        in range: Range<Int>, _ shape: [Int], generator: Generator? = nil
    ) -> Tensor {
        call("randint.low_generator", range.lowerBound, range.upperBound, shape, generator)
    }

    /// A random permutation of the integers from 0 to `count` - 1.
    public static func permutation(_ count: Int, generator: Generator? = nil) -> Tensor {
        call("randperm.generator", count, generator)
    }
}

/// The order in which the elements of a `[B, C, H, W]` tensor lie in memory.
public enum MemoryFormat: Int, Sendable {
    /// Row-major: the pixels of a channel are contiguous.
    case contiguous = 0
    /// The channels of a pixel are contiguous; most convolutions are fastest with this format.
    case channelsLast = 2
}

extension Tensor {
    /// Converts the elements to another type.
    ///
    /// - Parameter dtype: the new type.
    /// - Returns: this tensor itself if it already has the type.
    public func to(_ dtype: DType) -> Tensor {
        dtype == self.dtype ? self : call("to.dtype", self, dtype)
    }

    /// Copies the elements to another device.
    ///
    /// - Parameter device: the new device.
    /// - Returns: this tensor itself if it is already on the device.
    public func to(_ device: Device) -> Tensor {
        call("to.device", self, device, dtype)
    }

    /// Copies the elements to a device on which the copy may still run when this returns.
    ///
    /// To an NVIDIA GPU, the copy goes through page-locked memory and does not wait for earlier
    /// operators; later operators on the GPU wait for it.
    ///
    /// - Parameter device: the new device.
    /// - Returns: this tensor itself if it is already on the device.
    public func uploaded(to device: Device) -> Tensor {
        guard device.kind == .cuda, self.device.kind == .cpu else { return to(device) }
        let pinned = call("pin_memory", self)
        return call("to.device", pinned, device, dtype, true)
    }

    /// The elements contiguous in memory; this tensor itself if it already is contiguous.
    public func contiguous(_ format: MemoryFormat = .contiguous) -> Tensor {
        if format == .contiguous && isContiguous { return self }
        return call("contiguous", self, format.rawValue)
    }

    /// A copy with memory of its own.
    public func clone() -> Tensor {
        call("clone", self)
    }

    /// The same elements, detached from the autograd graph.
    public func detached() -> Tensor {
        call("detach", self)
    }

    /// Copies the elements of another tensor into this tensor's memory, converted and broadcast.
    ///
    /// - Parameter source: a tensor whose shape can be broadcast to this tensor's.
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
