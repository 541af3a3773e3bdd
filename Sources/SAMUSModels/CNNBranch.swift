import Torch
import TorchNN

/// Local features parallel to the vision transformer: the *CNN branch* of SAMUS (arXiv:2309.06824).
///
/// One convolution at the image's size, then three convolutions that each halve the size.
final class CNNBranch: Module, Layer {
    let inc: SingleConvolution
    let downs: [DownConvolution]

    /// - Parameter width: channels of the result, D.
    init(width: Int) {
        inc = SingleConvolution(3, 64)
        downs = [
            DownConvolution(64, 128), DownConvolution(128, 256), DownConvolution(256, width),
        ]
    }

    /// - Parameter images: `[B, 3, S, S]`, or `[B, 1, S, S]` for three equal channels.
    /// - Returns: features, `[B, D, S / 8, S / 8]`.
    func callAsFunction(_ images: Tensor) -> Tensor {
        callAsFunction(images, checkpointed: false)
    }

    /// - Parameters:
    ///   - images: `[B, 3, S, S]`, or `[B, 1, S, S]` for three equal channels.
    ///   - checkpointed: whether each stage uses activation checkpointing.
    /// - Returns: features, `[B, D, S / 8, S / 8]`.
    func callAsFunction(_ images: Tensor, checkpointed: Bool) -> Tensor {
        // oneDNN is faster with three interleaved channels than with one channel, although that
        // would be a third of the work.
        let colours = images.expanded([-1, 3, -1, -1]).contiguous(.channelsLast)
        let stages: [any Layer] = [inc] + downs
        return stages.reduce(colours) { x, stage in
            checkpointed ? stage.checkpointed(x) : stage(x)
        }
    }
}

/// A step of the CNN branch: 3x3 convolution, LayerNorm over channels, GELU.
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

/// Max pooling that halves height and width, then a ``SingleConvolution``.
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
