import Torch

/// Normalization over the last axis.
public final class LayerNorm: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let epsilon: Double

    /// A layer norm.
    ///
    /// - Parameters:
    ///   - width: size of the last axis.
    ///   - epsilon: added to the variance.
    public init(_ width: Int, epsilon: Double = 1e-5) {
        weight = Parameter(constant: 1, [width])
        bias = Parameter(constant: 0, [width])
        self.epsilon = epsilon
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layerNorm(
            x, shape: weight.value.shape, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }

    /// The output for an input of zeros: the bias, `[D]`.
    public var outputForZeros: Tensor { bias.value }
}

/// Normalization over the channels of each pixel: segment-anything's `LayerNorm2d`.
public final class LayerNorm2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let epsilon: Double

    /// A layer norm over channels.
    ///
    /// - Parameters:
    ///   - channels: number of channels.
    ///   - epsilon: added to the variance.
    public init(_ channels: Int, epsilon: Double = 1e-6) {
        weight = Parameter(constant: 1, [channels])
        bias = Parameter(constant: 0, [channels])
        self.epsilon = epsilon
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape, channels last in memory.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard !Trace.isRecording else { return decomposed(x) }
        return layerNorm(
            x.permuted([0, 2, 3, 1]), shape: weight.value.shape, weight: weight.value,
            bias: bias.value, epsilon: epsilon
        ).permuted([0, 3, 1, 2])
    }

    /// The same in elementary operators, for traces: runtimes with blocked channel layouts are
    /// faster without a permutation of the axes.
    private func decomposed(_ x: Tensor) -> Tensor {
        let centred = x - x.mean(axes: [1], keepingAxes: true)
        let variance = (centred * centred).mean(axes: [1], keepingAxes: true)
        let shape = [1, -1, 1, 1]
        return centred / (variance + epsilon).squareRoot() * weight.value.reshaped(shape)
            + bias.value.reshaped(shape)
    }
}

/// Normalization of each channel over batch and pixels.
public final class BatchNorm2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let runningMean: Buffer
    let runningVariance: Buffer
    let batchCount: Buffer
    let momentum: Double
    let epsilon: Double

    /// PyTorch's names of the running statistics.
    public override class var checkpointNames: [String: String] {
        ["runningVariance": "running_var", "batchCount": "num_batches_tracked"]
    }

    /// A batch norm.
    ///
    /// - Parameters:
    ///   - channels: number of channels.
    ///   - momentum: weight of a batch in the running statistics.
    ///   - epsilon: added to the variance.
    public init(_ channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5) {
        weight = Parameter(constant: 1, [channels])
        bias = Parameter(constant: 0, [channels])
        runningMean = Buffer(constant: 0, [channels])
        runningVariance = Buffer(constant: 1, [channels])
        batchCount = Buffer(Tensor.zeros([], dtype: .int64))
        self.momentum = momentum
        self.epsilon = epsilon
    }

    /// - Parameter x: `[B, C, H, W]`, or `[B, C]` as PyTorch's `nn.BatchNorm1d` takes it.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        if isTraining {
            precondition(
                x.elementCount > x.size(1),
                "a batch norm in training needs more than one value per channel, not \(x.shape)")
            batchCount.value.assign(from: batchCount.value + 1)
        }
        return normalized(x, training: isTraining)
    }

    /// Normalizes with the running statistics, in training too.
    ///
    /// - Parameter x: `[B, C, H, W]` or `[B, C]`, also of a single value for each channel, which has
    ///   no statistics of its own.
    /// - Returns: a tensor of the same shape.
    public func withRunningStatistics(_ x: Tensor) -> Tensor {
        normalized(x, training: false)
    }

    private func normalized(_ x: Tensor, training: Bool) -> Tensor {
        batchNorm(
            x, weight: weight.value, bias: bias.value, runningMean: runningMean.value,
            runningVariance: runningVariance.value, training: training, momentum: momentum,
            epsilon: epsilon)
    }

    /// The affine function of each channel in evaluation mode: a factor and a shift, `[C]` each.
    var affine: (scale: Tensor, shift: Tensor) {
        let scale = weight.value * (runningVariance.value + epsilon).reciprocalSquareRoot()
        return (scale, bias.value - runningMean.value * scale)
    }
}

/// Normalization of groups of channels, each over its pixels.
public final class GroupNorm: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let groups: Int
    let epsilon: Double

    /// A group norm.
    ///
    /// - Parameters:
    ///   - groups: number of groups; divides the number of channels.
    ///   - channels: number of channels.
    ///   - epsilon: added to the variance.
    public init(_ groups: Int, _ channels: Int, epsilon: Double = 1e-5) {
        weight = Parameter(constant: 1, [channels])
        bias = Parameter(constant: 0, [channels])
        self.groups = groups
        self.epsilon = epsilon
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard !Trace.isRecording else { return decomposed(x) }
        return groupNorm(
            x, groups: groups, weight: weight.value, bias: bias.value, epsilon: epsilon)
    }

    /// The same in elementary operators, for traces: ONNX has no such operator before version 18.
    private func decomposed(_ x: Tensor) -> Tensor {
        let parts = x.reshaped([x.size(0), groups, -1])
        let centred = parts - parts.mean(axes: [2], keepingAxes: true)
        let variance = (centred * centred).mean(axes: [2], keepingAxes: true)
        let shape = [1, -1, 1, 1]
        return (centred / (variance + epsilon).squareRoot()).reshaped(x.shape)
            * weight.value.reshaped(shape) + bias.value.reshaped(shape)
    }
}
