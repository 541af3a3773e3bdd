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
