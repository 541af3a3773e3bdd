extension Tensor {
    /// The elements along an axis in order.
    ///
    /// - Parameters:
    ///   - axis: axis to sort along.
    ///   - descending: whether the largest comes first.
    /// - Returns: the elements, and the places they had, as 64-bit integers.
    public func sorted(axis: Int, descending: Bool = false) -> (values: Tensor, places: Tensor) {
        let results = callForSeveral("sort", self, axis, descending)
        return (results[0], results[1])
    }

    /// The largest elements along an axis, in order.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - axis: axis to look along.
    /// - Returns: the elements, and their places, as 64-bit integers.
    public func largest(_ count: Int, axis: Int) -> (values: Tensor, places: Tensor) {
        let results = callForSeveral("topk", self, count, axis)
        return (results[0], results[1])
    }

    /// The places of the largest elements along an axis, as 64-bit integers.
    public func argmax(axis: Int, keepingAxis: Bool = false) -> Tensor {
        call("argmax", self, axis, keepingAxis)
    }
}
