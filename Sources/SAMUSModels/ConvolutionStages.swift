import Torch
import TorchNN

/// A 3x3 convolution, LayerNorm over channels and GELU: the step of which the CNN branch is made.
final class SingleConvolution: Module, Layer {
    let conv: Sequential

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        conv = Sequential(
            Conv2d(inputs, outputs, kernel: 3, padding: 1, bias: false),
            LayerNorm2d(outputs),
            GELU())
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, H, W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        conv(x)
    }
}

/// The same behind a max-pool that halves height and width.
final class DownConvolution: Module, Layer {
    let maxpoolConv: Sequential

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        maxpoolConv = Sequential(
            MaxPool2d(2),
            Conv2d(inputs, outputs, kernel: 3, padding: 1, bias: false),
            LayerNorm2d(outputs),
            GELU())
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, H / 2, W / 2]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        maxpoolConv(x)
    }
}
