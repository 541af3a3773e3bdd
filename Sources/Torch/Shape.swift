extension Tensor {
    /// The same elements in another shape; one axis may be -1, which is inferred.
    public func reshaped(_ shape: [Int]) -> Tensor {
        call("reshape", self, shape)
    }

    /// The axes in another order.
    ///
    /// - Parameter axes: for each axis of the result, its index in this tensor.
    /// - Returns: a view.
    public func permuted(_ axes: [Int]) -> Tensor {
        call("permute", self, axes)
    }

    /// Two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) -> Tensor {
        call("transpose.int", self, first, second)
    }

    /// Neighbouring axes merged into one.
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
        call("flatten.using_ints", self, first, last)
    }

    /// Inserts an axis of one element.
    public func unsqueezed(_ axis: Int) -> Tensor {
        call("unsqueeze", self, axis)
    }

    /// Removes an axis of one element.
    public func squeezed(_ axis: Int) -> Tensor {
        call("squeeze.dim", self, axis)
    }

    /// Axes of one element repeated without a copy; -1 keeps an axis.
    public func expanded(_ shape: [Int]) -> Tensor {
        call("expand", self, shape)
    }

    /// Each element along an axis repeated, next to the original.
    public func repeatedElements(_ count: Int, axis: Int) -> Tensor {
        call("repeat_interleave.self_int", self, count, axis)
    }

    /// Parts of given sizes along an axis, as views.
    public func split(_ sizes: [Int], axis: Int) -> [Tensor] {
        callReturningTensors("split_with_sizes", self, sizes, axis)
    }

    /// The slices along an axis, without that axis, as views.
    public func unbound(axis: Int = 0) -> [Tensor] {
        callReturningTensors("unbind.int", self, axis)
    }

    /// The elements in reverse order along axes.
    public func flipped(axes: [Int]) -> Tensor {
        call("flip", self, axes)
    }

    /// The elements shifted circularly along axes.
    ///
    /// - Parameters:
    ///   - steps: number of elements to shift along each axis; negative towards the start.
    ///   - axes: the axes.
    /// - Returns: a copy.
    public func rolled(by steps: [Int], axes: [Int]) -> Tensor {
        call("roll", self, steps, axes)
    }

    /// The elements with padding around the last axes.
    ///
    /// - Parameters:
    ///   - amounts: before and after the last axis, before and after the one before it, and so on.
    ///   - value: value of the padding.
    /// - Returns: the larger tensor.
    public func padded(_ amounts: [Int], value: Double = 0) -> Tensor {
        call("constant_pad_nd", self, amounts, value)
    }
}

extension Tensor {
    /// Selects elements axis by axis: `x[0, .all, 2..<5]`, `x[.rest, -1]`.
    ///
    /// As in PyTorch, numbers and ranges give views, so that ``assign(from:)`` on them writes into
    /// this tensor; several index tensors are paired element by element.
    public subscript(_ indexes: any TensorIndex...) -> Tensor {
        let taken = indexes.reduce(0) { $0 + $1.axisCount }
        precondition(taken <= rank, "too many indices (\(taken)) for \(self)")
        var selection = IndexSelection(self, restCount: rank - taken)
        for index in indexes {
            index.take(from: &selection)
        }
        return selection.result
    }

    /// The elements at given indices along an axis: PyTorch's `index_select`.
    ///
    /// - Parameters:
    ///   - indices: int64, one axis.
    ///   - axis: axis to select from.
    /// - Returns: a copy.
    public func indexed(by indices: Tensor, axis: Int) -> Tensor {
        call("index_select", self, axis, indices)
    }

    /// Gathers elements along an axis: PyTorch's `gather`.
    ///
    /// - Parameters:
    ///   - indices: int64; in the other axes no larger than this tensor.
    ///   - axis: the axis that is indexed.
    /// - Returns: a copy with the shape of `indices`.
    public func gathered(at indices: Tensor, axis: Int) -> Tensor {
        call("gather", self, axis, indices)
    }

    /// The elements with one value at given indices along the last axis: PyTorch's `scatter`.
    ///
    /// - Parameters:
    ///   - indices: int64; in the other axes no larger than this tensor.
    ///   - value: the new value of these elements.
    /// - Returns: a copy.
    public func scattered(at indices: Tensor, value: Double) -> Tensor {
        call("scatter.value", self, -1, indices, value)
    }

    /// The elements with one value where a mask is true: PyTorch's `masked_fill`.
    ///
    /// - Parameters:
    ///   - mask: booleans, broadcast to this shape.
    ///   - value: the new value of these elements.
    /// - Returns: a copy.
    public func maskedFill(where mask: Tensor, with value: Double) -> Tensor {
        call("masked_fill.Scalar", self, mask, value)
    }
}

/// One item of a subscript: the elements to take along an axis.
public protocol TensorIndex {
    /// Number of axes of the tensor that the item indexes.
    var axisCount: Int { get }

    /// Takes the elements along the next axis.
    func take(from selection: inout IndexSelection)
}

/// A tensor while the items of a subscript are applied to it.
public struct IndexSelection {
    private var tensor: Tensor
    /// The axis that the next item indexes.
    private var axis = 0
    private let restCount: Int
    private var hasRest = false
    /// The index tensors, with nil for axes without one, and the number of axes that they cover.
    private var indices: [Tensor?] = []
    private var indexedAxes = 0

    init(_ tensor: Tensor, restCount: Int) {
        self.tensor = tensor
        self.restCount = restCount
    }

    mutating func take(at index: Int) {
        tensor = call("select.int", tensor, axis, index)
    }

    mutating func take(from start: Int?, to end: Int?, by step: Int) {
        tensor = call("slice.Tensor", tensor, axis, start, end, step)
        axis += 1
    }

    mutating func add() {
        tensor = tensor.unsqueezed(axis)
        axis += 1
    }

    mutating func skip() {
        axis += 1
    }

    mutating func skipRest() {
        precondition(!hasRest, "an index can contain .rest only once")
        hasRest = true
        axis += restCount
    }

    mutating func take(atIndices index: Tensor) {
        indices += [Tensor?](repeating: nil, count: axis - indexedAxes) + [index]
        axis += index.axisCount
        indexedAxes = axis
    }

    /// The result; index tensors are applied together, after all views, as in PyTorch.
    var result: Tensor {
        indices.isEmpty ? tensor : call("index.Tensor", tensor, indices)
    }
}

extension Int: TensorIndex {
    /// One axis.
    public var axisCount: Int { 1 }

    /// Takes one element and removes the axis; negative counts from the end.
    public func take(from selection: inout IndexSelection) {
        selection.take(at: self)
    }
}

extension Tensor: TensorIndex {
    /// One axis for integers; for booleans as many axes as the tensor has.
    public var axisCount: Int {
        dtype == .bool ? rank : 1
    }

    /// Takes the elements at indices (integers) or where a mask is true (booleans), as a copy.
    public func take(from selection: inout IndexSelection) {
        selection.take(atIndices: self)
    }
}

/// An item of a subscript that takes whole axes or adds one: `.all`, `.newAxis` or `.rest`.
public struct AxisIndex: TensorIndex {
    enum Kind {
        case all, newAxis, rest
    }

    let kind: Kind

    /// One axis for `.all`; none for the others.
    public var axisCount: Int { kind == .all ? 1 : 0 }

    /// Skips one axis or the rest, or adds an axis.
    public func take(from selection: inout IndexSelection) {
        switch kind {
        case .all: selection.skip()
        case .newAxis: selection.add()
        case .rest: selection.skipRest()
        }
    }
}

extension TensorIndex where Self == AxisIndex {
    /// All elements of one axis.
    public static var all: AxisIndex { AxisIndex(kind: .all) }
    /// A new axis of one element.
    public static var newAxis: AxisIndex { AxisIndex(kind: .newAxis) }
    /// All elements of the axes that the other items do not index; PyTorch's `...`.
    public static var rest: AxisIndex { AxisIndex(kind: .rest) }
}

extension Tensor {
    /// Sorts the elements along an axis.
    ///
    /// - Parameters:
    ///   - axis: axis to sort along.
    ///   - descending: whether the largest comes first.
    /// - Returns: the elements, and their former indices as int64.
    public func sorted(axis: Int, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        let results = callReturningTensors("sort", self, axis, descending)
        return (results[0], results[1])
    }

    /// The largest elements along an axis, in descending order.
    ///
    /// - Parameters:
    ///   - count: number of elements.
    ///   - axis: axis to search along.
    /// - Returns: the elements, and their indices as int64.
    public func topK(_ count: Int, axis: Int) -> (values: Tensor, indices: Tensor) {
        let results = callReturningTensors("topk", self, count, axis)
        return (results[0], results[1])
    }

    /// The indices of the largest elements along an axis, as int64.
    public func argmax(axis: Int, keepingAxis: Bool = false) -> Tensor {
        call("argmax", self, axis, keepingAxis)
    }
}
