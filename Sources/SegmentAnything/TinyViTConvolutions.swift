import Torch
import TorchNN

/// MobileNet's inverted bottleneck: widen four times, 3x3 in each channel, narrow again, add.
final class MobileConvolutionBlock: Module, Layer {
    let conv1: ConvBatchNorm
    let conv2: ConvBatchNorm
    let conv3: ConvBatchNorm

    /// - Parameter width: channels in and out.
    init(width: Int) {
        conv1 = ConvBatchNorm(width, width * 4)
        conv2 = ConvBatchNorm(width * 4, width * 4, kernel: 3, padding: 1, groups: width * 4)
        conv3 = ConvBatchNorm(width * 4, width)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        gelu(x + conv3(gelu(conv2(gelu(conv1(x))))))
    }
}

/// The step between stages: more channels, fewer pixels where the stride is 2.
final class PatchMerging: Module, Layer {
    let conv1: ConvBatchNorm
    let conv2: ConvBatchNorm
    let conv3: ConvBatchNorm

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - stride: 2 halves height and width.
    init(_ inputs: Int, _ outputs: Int, stride: Int) {
        conv1 = ConvBatchNorm(inputs, outputs)
        conv2 = ConvBatchNorm(
            outputs, outputs, kernel: 3, stride: stride, padding: 1, groups: outputs)
        conv3 = ConvBatchNorm(outputs, outputs)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H / stride, W / stride]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        conv3(gelu(conv2(gelu(conv1(x)))))
    }
}
