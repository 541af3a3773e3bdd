import Torch
import TorchNN

/// The first convolution over an RGB picture, which takes a grey one as it is.
///
/// Three equal channels give what one gives under the sum of their weights: a third of the work.
public final class PictureConvolution: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let stride: Int
    private let summed = Derived()

    /// - Parameters:
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: its step.
    public init(_ outputs: Int, kernel: Int, stride: Int) {
        let fanIn = 3 * kernel * kernel
        weight = Parameter(uniform: [outputs, 3, kernel, kernel], fanIn: fanIn)
        bias = Parameter(uniform: [outputs], fanIn: fanIn)
        self.stride = stride
    }

    /// - Parameter x: `[B, 3, H, W]`, or `[B, 1, H, W]` for three equal channels.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let kernel =
            x.size(1) == 1
            ? summed.value(of: [weight.value]) { weight.value.sum(axes: [1], keepingAxes: true) }
            : weight.value
        return convolution2d(x, weight: kernel, bias: bias.value, stride: stride)
    }
}
