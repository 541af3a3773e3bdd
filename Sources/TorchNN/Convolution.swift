import Torch

/// A convolution over images.
public final class Conv2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter?
    let stride: Int
    let padding: Int
    let dilation: Int
    let groups: Int

    /// A convolution.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: step of the kernel.
    ///   - padding: zeros on each side.
    ///   - dilation: distance between the kernel's elements.
    ///   - groups: number of channel groups that are convolved separately.
    ///   - bias: whether the layer adds a bias.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true
    ) {
        let fanIn = inputs / groups * kernel * kernel
        weight = Parameter(
            Initialization.uniform([outputs, inputs / groups, kernel, kernel], fanIn: fanIn))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: fanIn)) : nil
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        apply(x, weight: weight.value, bias: bias?.value)
    }

    /// Applies the kernel at another dilation, with zeros around the image so that its size stays.
    ///
    /// - Parameters:
    ///   - x: `[B, C, H, W]`.
    ///   - dilation: distance between the kernel's elements; the kernel has an odd size.
    ///   - addsBias: whether the layer's bias is added.
    /// - Returns: `[B, outputs, H, W]`.
    public func callAsFunction(_ x: Tensor, dilation: Int, addsBias: Bool) -> Tensor {
        convolution2d(
            x, weight: weight.value, bias: addsBias ? bias?.value : nil,
            padding: dilation * (weight.value.size(2) / 2), dilation: dilation, groups: groups)
    }

    /// Applies the convolution with other weights, such as folded ones.
    func apply(_ x: Tensor, weight: Tensor, bias: Tensor?) -> Tensor {
        convolution2d(
            x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation,
            groups: groups)
    }
}

/// A transposed convolution, which enlarges images.
public final class ConvTranspose2d: Module, Layer {
    let weight: Parameter
    let bias: Parameter?
    let stride: Int
    let padding: Int
    let outputPadding: Int

    /// Creates a transposed convolution.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: step of the kernel in the result.
    ///   - padding: rows and columns cut from each side of the result.
    ///   - outputPadding: rows and columns added at the end.
    ///   - bias: whether the layer adds a bias.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, bias: Bool = true
    ) {
        // PyTorch counts the fan-in of a transposed convolution along its second axis.
        let fanIn = outputs * kernel * kernel
        weight = Parameter(Initialization.uniform([inputs, outputs, kernel, kernel], fanIn: fanIn))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: fanIn)) : nil
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        transposedConvolution2d(
            x, weight: weight.value, bias: bias?.value, stride: stride, padding: padding,
            outputPadding: outputPadding)
    }
}

/// A convolution over sequences.
public final class Conv1d: Module, Layer {
    let weight: Parameter
    let bias: Parameter?
    let padding: Int

    /// A convolution over the last axis.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: width of the kernel.
    ///   - padding: zeros on each side.
    ///   - bias: whether the layer adds a bias.
    public init(_ inputs: Int, _ outputs: Int, kernel: Int, padding: Int = 0, bias: Bool = true) {
        let fanIn = inputs * kernel
        weight = Parameter(Initialization.uniform([outputs, inputs, kernel], fanIn: fanIn))
        self.bias = bias ? Parameter(Initialization.uniform([outputs], fanIn: fanIn)) : nil
        self.padding = padding
    }

    /// - Parameter x: `[B, C, T]`.
    /// - Returns: `[B, outputs, T']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        convolution1d(x, weight: weight.value, bias: bias?.value, padding: padding)
    }
}

/// A convolution without bias, followed by a batch norm.
///
/// For inference both are folded into one convolution, with the same result up to rounding:
/// ``fold()`` computes its weights. The folded weights are used while gradients are disabled, the
/// norm is in evaluation mode and no weight has changed since; otherwise the two layers run.
public final class ConvBatchNorm: Module, Layer {
    let convolution: Conv2d
    let norm: BatchNorm2d
    private var folded: FoldedConvolution?

    /// The names of the two layers in checkpoints of LeViT's family, such as TinyViT.
    public override class var checkpointNames: [String: String] {
        ["convolution": "c", "norm": "bn"]
    }

    /// Creates a convolution and its norm.
    ///
    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: step of the kernel.
    ///   - padding: zeros on each side.
    ///   - groups: number of channel groups that are convolved separately.
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

    /// Name of the convolution's weight in this module.
    public static let weightName = "c.weight"

    /// The weight that ``fold()`` computed, and the factor of each output channel, `[O]`; nil before.
    public var foldedWeight: (weight: Tensor, scale: Tensor)? {
        folded.map { ($0.weight, $0.scale) }
    }

    /// Whether the folded convolution is used now.
    var isFolded: Bool {
        guard let folded, !norm.isTraining, !isGradEnabled else { return false }
        return zip(folded.sources, sources).allSatisfy { $0.isCurrent($1) }
    }

    /// Computes the folded weights from the current weights of both layers.
    public func fold() {
        withoutGrad {
            let (scale, shift) = norm.affine
            folded = FoldedConvolution(
                weight: convolution.weight.value * scale.reshaped([-1, 1, 1, 1]), scale: scale,
                bias: shift,
                sources: sources.map { Tensor.Snapshot(of: $0) })
        }
    }

    /// All tensors that the folded weights are computed from.
    ///
    /// Training updates the running statistics without incrementing their version counters; the
    /// batch count shows it.
    private var sources: [Tensor] {
        [
            convolution.weight.value, norm.weight.value, norm.bias.value, norm.runningMean.value,
            norm.runningVariance.value, norm.batchCount.value,
        ]
    }
}

/// The folded convolution, and snapshots of the tensors that it was computed from.
private final class FoldedConvolution {
    let weight: Tensor
    let scale: Tensor
    let bias: Tensor
    let sources: [Tensor.Snapshot]

    init(weight: Tensor, scale: Tensor, bias: Tensor, sources: [Tensor.Snapshot]) {
        self.weight = weight
        self.scale = scale
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
