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
