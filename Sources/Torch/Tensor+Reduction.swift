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

    /// Whether any element holds.
    public func any() -> Tensor {
        call("any", self)
    }

    /// Whether all elements hold.
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

    /// The logarithm of ``softmax(axis:)``, exact where that is near 0.
    public func logSoftmax(axis: Int) -> Tensor {
        call("log_softmax.int", self, axis, nil)
    }

    /// At each place along an axis the sum of the elements up to it.
    public func cumulativeSum(axis: Int) -> Tensor {
        call("cumsum", self, axis)
    }
}
