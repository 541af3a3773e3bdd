/// A number that stands beside a tensor in an expression and takes its type.
public protocol TensorScalar: OperatorArgument {}

extension Int: TensorScalar {}
extension Double: TensorScalar {}
extension Float: TensorScalar {}

extension Tensor {
    /// Sum of elements; shapes are broadcast.
    public static func + (left: Tensor, right: Tensor) -> Tensor {
        call("add.Tensor", left, right)
    }

    /// Each element plus a number.
    public static func + (left: Tensor, right: some TensorScalar) -> Tensor {
        call("add.Scalar", left, right)
    }

    /// A number plus each element.
    public static func + (left: some TensorScalar, right: Tensor) -> Tensor {
        call("add.Scalar", right, left)
    }

    /// Difference of elements; shapes are broadcast.
    public static func - (left: Tensor, right: Tensor) -> Tensor {
        call("sub.Tensor", left, right)
    }

    /// Each element less a number.
    public static func - (left: Tensor, right: some TensorScalar) -> Tensor {
        call("sub.Scalar", left, right)
    }

    /// A number less each element.
    public static func - (left: some TensorScalar, right: Tensor) -> Tensor {
        call("rsub.Scalar", right, left)
    }

    /// Product of elements; shapes are broadcast.
    public static func * (left: Tensor, right: Tensor) -> Tensor {
        call("mul.Tensor", left, right)
    }

    /// Each element times a number.
    public static func * (left: Tensor, right: some TensorScalar) -> Tensor {
        call("mul.Scalar", left, right)
    }

    /// A number times each element.
    public static func * (left: some TensorScalar, right: Tensor) -> Tensor {
        call("mul.Scalar", right, left)
    }

    /// Quotient of elements; shapes are broadcast, integers give floating point.
    public static func / (left: Tensor, right: Tensor) -> Tensor {
        call("div.Tensor", left, right)
    }

    /// Each element divided by a number; integers give floating point.
    public static func / (left: Tensor, right: some TensorScalar) -> Tensor {
        call("div.Scalar", left, right)
    }

    /// A number divided by each element; integers give floating point.
    public static func / (left: some TensorScalar, right: Tensor) -> Tensor {
        right.reciprocal() * left
    }

    /// Each element with its sign turned.
    public static prefix func - (operand: Tensor) -> Tensor {
        call("neg", operand)
    }

    /// One divided by each element.
    public func reciprocal() -> Tensor {
        call("reciprocal", self)
    }

    /// Each element to a power; integers to a whole power stay integers.
    public func pow(_ exponent: some TensorScalar) -> Tensor {
        call("pow.Tensor_Scalar", self, exponent)
    }

    /// The square root of each element.
    public func squareRoot() -> Tensor {
        call("sqrt", self)
    }

    /// The sum with another tensor times a number, in one pass; shapes are broadcast.
    public func adding(_ other: Tensor, times factor: Double) -> Tensor {
        call("add.Tensor", self, other, factor)
    }

    /// One divided by the square root of each element.
    public func reciprocalSquareRoot() -> Tensor {
        call("rsqrt", self)
    }

    /// e to the power of each element.
    public func exp() -> Tensor {
        call("exp", self)
    }

    /// The natural logarithm of each element.
    public func log() -> Tensor {
        call("log", self)
    }

    /// The sine of each element, in radians.
    public func sin() -> Tensor {
        call("sin", self)
    }

    /// The cosine of each element, in radians.
    public func cos() -> Tensor {
        call("cos", self)
    }

    /// The hyperbolic tangent of each element.
    public func tanh() -> Tensor {
        call("tanh", self)
    }

    /// To the nearest integer, halves to the even one.
    public func rounded() -> Tensor {
        call("round", self)
    }

    /// The size of each element without its sign.
    public func abs() -> Tensor {
        call("abs", self)
    }

    /// Each element held between two bounds; nil leaves a side open.
    ///
    /// Integers between whole bounds stay integers.
    public func clamped(
        from lower: (any TensorScalar)? = nil, to upper: (any TensorScalar)? = nil
    ) -> Tensor {
        call("clamp", self, lower, upper)
    }

    /// The larger element of each pair; shapes are broadcast.
    public func maximum(_ other: Tensor) -> Tensor {
        call("maximum", self, other)
    }

    /// The smaller element of each pair; shapes are broadcast.
    public func minimum(_ other: Tensor) -> Tensor {
        call("minimum", self, other)
    }

    /// Product of matrices in the last two axes; the axes before them are broadcast.
    public func matmul(_ other: Tensor) -> Tensor {
        call("matmul", self, other)
    }
}
