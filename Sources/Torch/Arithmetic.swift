/// A number that is an operand next to a tensor and is converted to the tensor's type.
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

    /// Each element negated.
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

    /// Each element rounded to the nearest integer, halves to even.
    public func rounded() -> Tensor {
        call("round", self)
    }

    /// The absolute value of each element.
    public func abs() -> Tensor {
        call("abs", self)
    }

    /// Each element limited to two bounds; nil for no bound.
    ///
    /// Integers with whole bounds stay integers.
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

extension Tensor {
    /// Where an element is larger than a number.
    public static func .> (left: Tensor, right: some TensorScalar) -> Tensor {
        call("gt.Scalar", left, right)
    }

    /// Where an element is larger than the element of the other tensor.
    public static func .> (left: Tensor, right: Tensor) -> Tensor {
        call("gt.Tensor", left, right)
    }

    /// Where an element is smaller than a number.
    public static func .< (left: Tensor, right: some TensorScalar) -> Tensor {
        call("lt.Scalar", left, right)
    }

    /// Where an element is smaller than the element of the other tensor.
    public static func .< (left: Tensor, right: Tensor) -> Tensor {
        call("lt.Tensor", left, right)
    }

    /// Where an element is at least a number.
    public static func .>= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("ge.Scalar", left, right)
    }

    /// Where an element is at least the element of the other tensor.
    public static func .>= (left: Tensor, right: Tensor) -> Tensor {
        call("ge.Tensor", left, right)
    }

    /// Where an element is at most a number.
    public static func .<= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("le.Scalar", left, right)
    }

    /// Where an element is at most the element of the other tensor.
    public static func .<= (left: Tensor, right: Tensor) -> Tensor {
        call("le.Tensor", left, right)
    }

    /// Where an element equals a number.
    public static func .== (left: Tensor, right: some TensorScalar) -> Tensor {
        call("eq.Scalar", left, right)
    }

    /// Where an element equals the element of the other tensor.
    public static func .== (left: Tensor, right: Tensor) -> Tensor {
        call("eq.Tensor", left, right)
    }

    /// Where an element differs from a number.
    public static func .!= (left: Tensor, right: some TensorScalar) -> Tensor {
        call("ne.Scalar", left, right)
    }

    /// Where an element differs from the element of the other tensor.
    public static func .!= (left: Tensor, right: Tensor) -> Tensor {
        call("ne.Tensor", left, right)
    }

    /// Elementwise logical or.
    public static func .| (left: Tensor, right: Tensor) -> Tensor {
        call("logical_or", left, right)
    }

    /// Elementwise logical and.
    public static func .& (left: Tensor, right: Tensor) -> Tensor {
        call("logical_and", left, right)
    }

    /// Elementwise logical not.
    public func logicalNot() -> Tensor {
        call("logical_not", self)
    }

    /// Where an element is neither infinite nor NaN.
    public func isFinite() -> Tensor {
        call("isfinite", self)
    }

    /// Elements of one tensor where a condition is true, and of another elsewhere: `torch.where`.
    ///
    /// - Parameters:
    ///   - condition: a Boolean tensor.
    ///   - input: the elements where the condition is true.
    ///   - other: the elements where the condition is false.
    /// - Returns: a new tensor; the three shapes are broadcast.
    public static func `where`(_ condition: Tensor, _ input: Tensor, _ other: Tensor) -> Tensor {
        call("where.self", condition, input, other)
    }
}

extension Tensor {
    /// The sum of all elements.
    public func sum() -> Tensor {
        call("sum", self)
    }

    /// Sums along axes.
    public func sum(axes: [Int], keepingAxes: Bool = false) -> Tensor {
        call("sum.dim_IntList", self, axes, keepingAxes)
    }

    /// The mean of all elements.
    public func mean() -> Tensor {
        call("mean", self)
    }

    /// Means along axes.
    public func mean(axes: [Int], keepingAxes: Bool = false) -> Tensor {
        call("mean.dim", self, axes, keepingAxes)
    }

    /// The largest element.
    public func max() -> Tensor {
        call("max", self)
    }

    /// The smallest element.
    public func min() -> Tensor {
        call("min", self)
    }

    /// The largest elements along axes.
    public func max(axes: [Int], keepingAxes: Bool = false) -> Tensor {
        call("amax", self, axes, keepingAxes)
    }

    /// The smallest elements along axes.
    public func min(axes: [Int], keepingAxes: Bool = false) -> Tensor {
        call("amin", self, axes, keepingAxes)
    }

    /// Whether any element is true.
    public func any() -> Tensor {
        call("any", self)
    }

    /// Whether all elements are true.
    public func all() -> Tensor {
        call("all", self)
    }

    /// Softmax along one axis: slices along `axis` sum to 1.
    ///
    /// - Parameter axis: axis to normalize; negative counts from the end.
    /// - Returns: a tensor of the same shape.
    public func softmax(axis: Int) -> Tensor {
        call("softmax.int", self, axis, nil)
    }

    /// The logarithm of ``softmax(axis:)``, accurate also where the softmax is near 0.
    public func logSoftmax(axis: Int) -> Tensor {
        call("log_softmax.int", self, axis, nil)
    }

    /// The cumulative sum along an axis.
    public func cumulativeSum(axis: Int) -> Tensor {
        call("cumsum", self, axis)
    }
}
