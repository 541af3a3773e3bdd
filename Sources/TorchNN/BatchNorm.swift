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

/// A convolution without bias and the batch norm behind it.
///
/// For inference both are one convolution: ``fold()`` computes its weights once, with the same
/// result up to rounding.
public final class ConvBatchNorm: Module, Layer {
    let convolution: Conv2d
    let norm: BatchNorm2d
    private var folded: (weight: Tensor, bias: Tensor)?

    /// The names of the two in checkpoints of LeViT's family, TinyViT among them.
    public override class var checkpointNames: [String: String] {
        ["convolution": "c", "norm": "bn"]
    }

    /// A convolution and its norm.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: its step.
    ///   - padding: zeros on each side.
    ///   - groups: channel groups that do not see each other.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, padding: Int = 0,
        groups: Int = 1
    ) {
        convolution = Conv2d(
            inputs, outputs, kernel: kernel, stride: stride, padding: padding, groups: groups,
            bias: false)
        norm = BatchNorm2d(outputs)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        if let folded, !isTraining {
            return convolution.apply(x, weight: folded.weight, bias: folded.bias)
        }
        return norm(convolution(x))
    }

    /// Whether inference runs the one convolution.
    var isFolded: Bool { folded != nil }

    /// Forgets the folded weights.
    public override func weightsWillChange() {
        folded = nil
    }

    /// Computes the weights of the one convolution from the values both have now.
    ///
    /// They are used in inference until training or loading changes what they come from.
    public func fold() {
        withoutGrad {
            let (scale, shift) = norm.affine
            let weight = convolution.weight.value * scale.reshaped([-1, 1, 1, 1])
            folded = (weight.detached(), shift.detached())
        }
    }
}

extension Module {
    /// Folds every batch norm into the convolution before it, for inference.
    public func foldBatchNorms() {
        visit { _, module in (module as? ConvBatchNorm)?.fold() }
    }
}
