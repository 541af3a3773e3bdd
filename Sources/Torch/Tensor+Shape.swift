extension Tensor {
    /// The same elements in another shape; one axis may be -1, for what is left over.
    public func reshaped(_ shape: [Int]) -> Tensor {
        call("reshape", self, shape)
    }

    /// The axes in another order.
    ///
    /// - Parameter axes: for each axis of the result, the axis it is here.
    /// - Returns: a view.
    public func permuted(_ axes: [Int]) -> Tensor {
        call("permute", self, axes)
    }

    /// Two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) -> Tensor {
        call("transpose.int", self, first, second)
    }

    /// Neighbouring axes made one.
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
        call("flatten.using_ints", self, first, last)
    }

    /// A new axis of one element.
    public func unsqueezed(_ axis: Int) -> Tensor {
        call("unsqueeze", self, axis)
    }

    /// An axis of one element taken away.
    public func squeezed(_ axis: Int) -> Tensor {
        call("squeeze.dim", self, axis)
    }

    /// Axes of one element repeated without a copy; -1 keeps an axis.
    public func expanded(_ shape: [Int]) -> Tensor {
        call("expand", self, shape)
    }

    /// Each element along an axis repeated in its place.
    public func repeatedElements(_ count: Int, axis: Int) -> Tensor {
        call("repeat_interleave.self_int", self, count, axis)
    }

    /// Pieces of given sizes along an axis, as views.
    public func split(_ sizes: [Int], axis: Int) -> [Tensor] {
        callForSeveral("split_with_sizes", self, sizes, axis)
    }

    /// Slices along an axis, which they lose, as views.
    public func unbound(axis: Int = 0) -> [Tensor] {
        callForSeveral("unbind.int", self, axis)
    }

    /// The order of elements along axes turned round.
    public func flipped(axes: [Int]) -> Tensor {
        call("flip", self, axes)
    }

    /// The elements moved along axes; those pushed over an end come in at the other.
    ///
    /// - Parameters:
    ///   - steps: for each axis by how much; negative towards the start.
    ///   - axes: the axes.
    /// - Returns: a copy.
    public func rolled(by steps: [Int], axes: [Int]) -> Tensor {
        call("roll", self, steps, axes)
    }

    /// Padding with one value around the last axes.
    ///
    /// - Parameters:
    ///   - amounts: before and after the last axis, before and after the one before it, and so on.
    ///   - value: what the padding holds.
    /// - Returns: the larger tensor.
    public func padded(_ amounts: [Int], value: Double = 0) -> Tensor {
        call("constant_pad_nd", self, amounts, value)
    }
}
