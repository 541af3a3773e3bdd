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
        callReturningTensors("split_with_sizes", self, sizes, axis)
    }

    /// Slices along an axis, which they lose, as views.
    public func unbound(axis: Int = 0) -> [Tensor] {
        callReturningTensors("unbind.int", self, axis)
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

extension Tensor {
    /// The elements that the indexes take, axis by axis: `x[0, .all, 2..<5]`, `x[.rest, -1]`.
    ///
    /// As PyTorch's: numbers and ranges give views, so that ``assign(from:)`` on them writes into
    /// this tensor; several tensors among the indexes are paired, element by element.
    public subscript(_ indexes: any TensorIndex...) -> Tensor {
        let taken = indexes.reduce(0) { $0 + $1.axisCount }
        precondition(taken <= rank, "\(taken) indexes for \(self)")
        var selection = IndexSelection(self, restCount: rank - taken)
        for index in indexes {
            index.take(from: &selection)
        }
        return selection.result
    }

    /// Elements along an axis at the places another tensor names.
    ///
    /// - Parameters:
    ///   - places: 64-bit integers, one axis.
    ///   - axis: axis to take from.
    /// - Returns: a copy.
    public func indexed(by places: Tensor, axis: Int) -> Tensor {
        call("index_select", self, axis, places)
    }

    /// For each place of a tensor, the element at that place along an axis.
    ///
    /// - Parameters:
    ///   - places: 64-bit integers; in the other axes no larger than this tensor.
    ///   - axis: axis the places count along.
    /// - Returns: a copy with the shape of `places`.
    public func gathered(at places: Tensor, axis: Int) -> Tensor {
        call("gather", self, axis, places)
    }

    /// The elements, with one value at the places that another tensor names along the last axis.
    ///
    /// - Parameters:
    ///   - places: 64-bit integers; in the other axes no larger than this tensor.
    ///   - value: what stands there.
    /// - Returns: a copy.
    public func scattered(at places: Tensor, value: Double) -> Tensor {
        call("scatter.value", self, -1, places, value)
    }

    /// The elements, with one value instead of them where a condition holds.
    ///
    /// - Parameters:
    ///   - mask: truth values, broadcast to this shape.
    ///   - value: what stands there.
    /// - Returns: a copy.
    public func maskedFill(where mask: Tensor, with value: Double) -> Tensor {
        call("masked_fill.Scalar", self, mask, value)
    }
}

/// One place in the brackets of an index: which elements along an axis are taken.
public protocol TensorIndex {
    /// How many axes of the tensor it stands for.
    var axisCount: Int { get }

    /// Takes the elements along the next axis.
    func take(from selection: inout IndexSelection)
}

/// A tensor on its way through the brackets of an index.
public struct IndexSelection {
    private var tensor: Tensor
    /// The axis that the next index stands for.
    private var axis = 0
    private let restCount: Int
    private var hasRest = false
    /// Tensors among the indexes, with nil for axes they leave alone, and the axes that makes.
    private var places: [Tensor?] = []
    private var placedAxes = 0

    init(_ tensor: Tensor, restCount: Int) {
        self.tensor = tensor
        self.restCount = restCount
    }

    mutating func take(at place: Int) {
        tensor = call("select.int", tensor, axis, place)
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
        precondition(!hasRest, "two .rest in one index: which axes each stands for is open")
        hasRest = true
        axis += restCount
    }

    mutating func take(atPlaces index: Tensor) {
        places += [Tensor?](repeating: nil, count: axis - placedAxes) + [index]
        axis += index.axisCount
        placedAxes = axis
    }

    /// Tensors are applied together, after all views: PyTorch's order, which decides their pairing.
    var result: Tensor {
        places.isEmpty ? tensor : call("index.Tensor", tensor, places)
    }
}

extension Int: TensorIndex {
    /// One axis.
    public var axisCount: Int { 1 }

    /// One element, so that the axis goes; negative counts from the end.
    public func take(from selection: inout IndexSelection) {
        selection.take(at: self)
    }
}

extension Tensor: TensorIndex {
    /// One axis for places, as many as it has for truth values.
    public var axisCount: Int {
        dtype == .bool ? rank : 1
    }

    /// Elements at given places (integers) or where a condition holds (truth values), as a copy.
    public func take(from selection: inout IndexSelection) {
        selection.take(atPlaces: self)
    }
}

/// An index that says how axes line up: `.all`, `.newAxis` or `.rest`.
public struct AxisIndex: TensorIndex {
    enum Kind {
        case all, newAxis, rest
    }

    let kind: Kind

    /// One axis for `.all`; the others stand for none of their own.
    public var axisCount: Int { kind == .all ? 1 : 0 }

    /// Steps over one axis or the rest, or adds one.
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
    /// All elements of as many axes as the other indexes leave over.
    public static var rest: AxisIndex { AxisIndex(kind: .rest) }
}

extension Tensor {
    /// The elements along an axis in order.
    ///
    /// - Parameters:
    ///   - axis: axis to sort along.
    ///   - descending: whether the largest comes first.
    /// - Returns: the elements, and the places they had, as 64-bit integers.
    public func sorted(axis: Int, descending: Bool = false) -> (values: Tensor, places: Tensor) {
        let results = callReturningTensors("sort", self, axis, descending)
        return (results[0], results[1])
    }

    /// The largest elements along an axis, in order.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - axis: axis to look along.
    /// - Returns: the elements, and their places, as 64-bit integers.
    public func topK(_ count: Int, axis: Int) -> (values: Tensor, places: Tensor) {
        let results = callReturningTensors("topk", self, count, axis)
        return (results[0], results[1])
    }

    /// The places of the largest elements along an axis, as 64-bit integers.
    public func argmax(axis: Int, keepingAxis: Bool = false) -> Tensor {
        call("argmax", self, axis, keepingAxis)
    }
}
