extension Tensor {
    /// Where an element is larger than a number.
    public static func .> (left: Tensor, right: some TensorScalar) -> Tensor {
        call("gt.Scalar", left, right)
    }

    /// Where an element is larger than its partner.
    public static func .> (left: Tensor, right: Tensor) -> Tensor {
        call("gt.Tensor", left, right)
    }

    /// Where an element is smaller than a number.
    public static func .< (left: Tensor, right: some TensorScalar) -> Tensor {
        call("lt.Scalar", left, right)
    }

    /// Where an element is smaller than its partner.
    public static func .< (left: Tensor, right: Tensor) -> Tensor {
        call("lt.Tensor", left, right)
    }

    /// Where an element is as large as a number, or larger.
    public static func .>= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("ge.Scalar", left, right)
    }

    /// Where an element is as large as its partner, or larger.
    public static func .>= (left: Tensor, right: Tensor) -> Tensor {
        call("ge.Tensor", left, right)
    }

    /// Where an element is as small as a number, or smaller.
    public static func .<= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("le.Scalar", left, right)
    }

    /// Where an element is as small as its partner, or smaller.
    public static func .<= (left: Tensor, right: Tensor) -> Tensor {
        call("le.Tensor", left, right)
    }

    /// Where an element equals a number.
    public static func .== (left: Tensor, right: some TensorScalar) -> Tensor {
        call("eq.Scalar", left, right)
    }

    /// Where an element equals its partner.
    public static func .== (left: Tensor, right: Tensor) -> Tensor {
        call("eq.Tensor", left, right)
    }

    /// Where an element differs from a number.
    public static func .!= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("ne.Scalar", left, right)
    }

    /// Where an element differs from its partner.
    public static func .!= (left: Tensor, right: Tensor) -> Tensor {
        call("ne.Tensor", left, right)
    }

    /// Where either of two truth values holds.
    public static func .| (left: Tensor, right: Tensor) -> Tensor {
        call("logical_or", left, right)
    }

    /// Where both of two truth values hold.
    public static func .& (left: Tensor, right: Tensor) -> Tensor {
        call("logical_and", left, right)
    }

    /// Where a truth value does not hold.
    public func logicalNot() -> Tensor {
        call("logical_not", self)
    }

    /// Where an element is neither infinite nor "not a number".
    public func isFinite() -> Tensor {
        call("isfinite", self)
    }

    /// Elements of one tensor where this one holds, of the other elsewhere: PyTorch's `where`.
    ///
    /// - Parameters:
    ///   - here: what is taken where this tensor of truth values holds.
    ///   - there: what is taken elsewhere.
    /// - Returns: a copy; the three shapes are broadcast.
    public func choosing(_ here: Tensor, else there: Tensor) -> Tensor {
        call("where.self", self, here, there)
    }
}
