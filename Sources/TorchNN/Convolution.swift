import Torch

/// A convolution over images.
public final class Conv2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter?
    let stride: Int
    let padding: Int
    let groups: Int

    /// A convolution.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: its step.
    ///   - padding: zeros on each side.
    ///   - groups: channel groups that do not see each other.
    ///   - bias: whether it adds one.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        groups: Int = 1, bias: Bool = true
    ) {
        let fanIn = inputs / groups * kernel * kernel
        weight = Parameter(
            Initialization.uniform([outputs, inputs / groups, kernel, kernel], fanIn: fanIn))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: fanIn)) : nil
        self.stride = stride
        self.padding = padding
        self.groups = groups
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        apply(x, weight: weight.value, bias: bias?.value)
    }

    /// The same convolution with other weights, as folding makes them.
    func apply(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
        convolution2d(
            x, weight: weight, bias: bias, stride: stride, padding: padding, groups: groups)
    }
}

/// The transpose of a convolution, which makes images larger.
public final class ConvTranspose2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter?
    let stride: Int

    /// A transposed convolution.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: its step in the result.
    ///   - bias: whether it adds one.
    public init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, bias: Bool = true) {
        // PyTorch counts the fan-in of a transposed convolution along its second axis.
        let fanIn = outputs * kernel * kernel
        weight = Parameter(Initialization.uniform([inputs, outputs, kernel, kernel], fanIn: fanIn))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: fanIn)) : nil
        self.stride = stride
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        transposedConvolution2d(x, weight: weight.value, bias: bias?.value, stride: stride)
    }
}

/// A convolution without bias and the batch norm behind it.
///
/// For inference both are one convolution: ``fold()`` computes its weights once, with the same
/// result up to rounding. They are used while no gradients are recorded, the norm is not training
/// and everything they were computed from is as it was; otherwise the two layers run.
public final class ConvBatchNorm: Module, Layer {
    let convolution: Conv2d
    let norm: BatchNorm2d
    private var folded: FoldedConvolution?

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
        if let folded, isFolded {
            return convolution.apply(x, weight: folded.weight, bias: folded.bias)
        }
        return norm(convolution(x))
    }

    /// Whether the one convolution runs now.
    var isFolded: Bool {
        guard let folded, !norm.isTraining, !isGradEnabled else { return false }
        return zip(folded.sources, sources).allSatisfy { $0.isCurrent($1) }
    }

    /// Computes the weights of the one convolution from the values both have now.
    public func fold() {
        withoutGrad {
            let (scale, shift) = norm.affine
            folded = FoldedConvolution(
                weight: convolution.weight.value * scale.reshaped([-1, 1, 1, 1]), bias: shift,
                sources: sources.map { Tensor.Snapshot(of: $0) })
        }
    }

    /// All that the folded weights are computed from.
    ///
    /// Training writes into the running statistics without counting, but it counts batches.
    private var sources: [Tensor] {
        [
            convolution.weight.value, norm.weight.value, norm.bias.value, norm.runningMean.value,
            norm.runningVariance.value, norm.batchCount.value,
        ]
    }
}

/// The one convolution, and what it was computed from.
private final class FoldedConvolution {
    let weight: Tensor
    let bias: Tensor
    let sources: [Tensor.Snapshot]

    init(weight: Tensor, bias: Tensor, sources: [Tensor.Snapshot]) {
        self.weight = weight
        self.bias = bias
        self.sources = sources
    }
}

extension Module {
    /// Folds every batch norm into the convolution before it, for inference.
    public func foldBatchNorms() {
        visit { _, module in (module as? ConvBatchNorm)?.fold() }
    }
}

/// The largest element under a window that moves by its own size, as a layer of a ``Sequential``.
public final class MaxPool2d: Module, Layer {
    let size: Int

    /// - Parameter size: height and width of the window.
    public init(_ size: Int) {
        self.size = size
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, C, H / size, W / size]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        maxPool2d(x, size: size)
    }
}
