import Torch

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

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        if isTraining {
            precondition(
                x.elementCount > x.size(1),
                "a batch norm in training needs more than one value a channel, not \(x.shape)")
            batchCount.value.assign(from: batchCount.value + 1)
        }
        return batchNorm(
            x, weight: weight.value, bias: bias.value, runningMean: runningMean.value,
            runningVariance: runningVariance.value, training: isTraining, momentum: momentum,
            epsilon: epsilon)
    }

    /// What the layer does to each channel in inference: a factor and a shift, `[C]` each.
    var affine: (scale: Tensor, shift: Tensor) {
        let scale = weight.value * (runningVariance.value + epsilon).reciprocalSquareRoot()
        return (scale, bias.value - runningMean.value * scale)
    }
}
