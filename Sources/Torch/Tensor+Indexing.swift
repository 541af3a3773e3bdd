/// One place in the brackets of an index: which elements along an axis are taken.
public protocol TensorIndex {
    /// Applies the index to one axis.
    ///
    /// - Parameters:
    ///   - tensor: the tensor so far.
    ///   - axis: the axis this index stands for; set to the next one.
    /// - Returns: the tensor with that axis indexed.
    func apply(to tensor: Tensor, axis: inout Int) -> Tensor
}

extension Int: TensorIndex {
    /// One element; the axis goes. Negative counts from the end.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        call("select.int", tensor, axis, self)
    }
}

extension Range<Int>: TensorIndex {
    /// Neighbouring elements.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        Span(from: lowerBound, to: upperBound).apply(to: tensor, axis: &axis)
    }
}

extension PartialRangeFrom<Int>: TensorIndex {
    /// Elements from a place on; negative counts from the end.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        Span(from: lowerBound).apply(to: tensor, axis: &axis)
    }
}

extension PartialRangeUpTo<Int>: TensorIndex {
    /// Elements up to a place, without it; negative counts from the end.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        Span(to: upperBound).apply(to: tensor, axis: &axis)
    }
}

/// Elements at even steps: PyTorch's `from:to:by`.
public struct Span: TensorIndex {
    let start: Int?
    let end: Int?
    let step: Int

    /// Elements at even steps; nil means from the first or to the last.
    public init(from start: Int? = nil, to end: Int? = nil, by step: Int = 1) {
        self.start = start
        self.end = end
        self.step = step
    }

    /// Takes the elements.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        defer { axis += 1 }
        return call("slice.Tensor", tensor, axis, start, end, step)
    }
}

/// An index that says how axes line up: `.all`, `.newAxis` or `.rest`.
public struct AxisIndex: TensorIndex {
    enum Kind {
        case all, newAxis, rest
    }

    let kind: Kind

    /// Steps over one axis, or adds one; `.rest` is resolved by the subscript.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        defer { axis += 1 }
        return kind == .newAxis ? tensor.unsqueezed(axis) : tensor
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

extension Tensor: TensorIndex {
    /// Elements at given places (integers) or where a condition holds (truth values), as a copy.
    public func apply(to tensor: Tensor, axis: inout Int) -> Tensor {
        defer { axis += 1 }
        let before = [Tensor?](repeating: nil, count: axis)
        return call("index.Tensor", tensor, before + [self])
    }
}

extension Tensor {
    /// The elements that the indexes take, axis by axis: `x[0, .all, 2..<5]`, `x[.rest, -1]`.
    ///
    /// Numbers and ranges give views: ``assign(from:)`` on them writes into this tensor.
    public subscript(_ indexes: any TensorIndex...) -> Tensor {
        let taken = indexes.count { ($0 as? AxisIndex).map { $0.kind == .all } ?? true }
        var result = self
        var axis = 0
        for index in indexes {
            if let index = index as? AxisIndex, index.kind == .rest {
                axis += rank - taken
            } else {
                result = index.apply(to: result, axis: &axis)
            }
        }
        return result
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
}
