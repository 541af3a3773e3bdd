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
