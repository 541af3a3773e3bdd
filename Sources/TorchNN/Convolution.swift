import Torch

/// A convolution over pictures.
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

/// The transpose of a convolution, which makes pictures larger.
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
