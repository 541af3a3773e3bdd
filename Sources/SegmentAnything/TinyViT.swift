import Torch
import TorchNN

/// The sizes of a ``TinyViT``, stage by stage.
public struct TinyViTConfiguration: Hashable, Sendable {
    /// Channels of each stage; the first is convolutional.
    public var widths: [Int]
    /// Blocks of each stage.
    public var depths: [Int]
    /// Attention heads of each stage; the first is not used.
    public var heads: [Int]
    /// Window sizes of each stage, in cells; the first is not used.
    public var windows: [Int]
    /// Stride between each stage and the next.
    public var strides: [Int]
    /// Channels of the embedding.
    public var outputs: Int
    /// Stride of each of the stem's two convolutions: 1 for 1x1 kernels, 2 for 3x3 kernels.
    public var stemStride = 1
    /// Rank of LoRA on queries and values; nil for none.
    public var rank: Int?

    /// LiteMedSAM's encoder: the stem keeps the resolution, the last step too.
    public static let liteMedSAM = TinyViTConfiguration(
        widths: [64, 128, 160, 320], depths: [2, 2, 6, 2], heads: [2, 4, 5, 10],
        windows: [7, 7, 14, 7], strides: [2, 2, 1], outputs: 256)
}

/// TinyViT as an image encoder of SAM: a convolutional stage, then stages of windowed attention.
///
/// Features stay `[B, C, H, W]` with channels last in memory: tokens are a view of them.
public final class TinyViT: Module, Layer {
    package let patchEmbed: TinyViTStem
    package let layers: [TinyViTStage]
    package let neck: Sequential

    /// An encoder of given sizes.
    public init(_ configuration: TinyViTConfiguration = .liteMedSAM) {
        let widths = configuration.widths
        patchEmbed = TinyViTStem(width: widths[0], stride: configuration.stemStride)
        layers = widths.indices.map { Self.stage($0, of: configuration) }
        neck = encoderNeck(width: widths[widths.count - 1], outputs: configuration.outputs)
    }

    package static func stage(
        _ index: Int, of configuration: TinyViTConfiguration
    ) -> TinyViTStage {
        let width = configuration.widths[index]
        let blocks = (0..<configuration.depths[index]).map { _ -> any Layer in
            guard index > 0 else { return MobileConvolutionBlock(width: width) }
            return TinyViTBlock(
                width: width, heads: configuration.heads[index],
                window: configuration.windows[index], rank: configuration.rank)
        }
        guard index + 1 < configuration.widths.count else {
            return TinyViTStage(blocks: blocks, downsample: nil)
        }
        let downsample = PatchMerging(
            width, configuration.widths[index + 1], stride: configuration.strides[index])
        return TinyViTStage(blocks: blocks, downsample: downsample)
    }

    /// - Parameter x: images in 0..1, `[B, 3, H, W]`.
    /// - Returns: embedding, `[B, outputs, H / 4, W / 4]` with LiteMedSAM's sizes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        neck(layers.reduce(patchEmbed(x.contiguous(.channelsLast))) { $1($0) })
    }
}

/// Two convolutions that lift pixels to the first stage's channels.
package final class TinyViTStem: Module, Layer {
    package let seq: Sequential

    /// - Parameters:
    ///   - width: channels out.
    ///   - stride: of each convolution: 1 for 1x1 kernels, 2 for 3x3 kernels.
    package init(width: Int, stride: Int = 1) {
        let kernel = stride == 1 ? 1 : 3
        func convolution(_ inputs: Int, _ outputs: Int) -> ConvBatchNorm {
            ConvBatchNorm(inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2)
        }
        seq = Sequential(convolution(3, width / 2), GELU(), convolution(width / 2, width))
    }

    /// - Parameter x: images, `[B, 3, H, W]`.
    /// - Returns: `[B, width, H / (stride * stride), W / (stride * stride)]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        seq(x)
    }
}

/// Blocks of one resolution, and the step to the next.
package final class TinyViTStage: Module, Layer {
    package let blocks: [any Layer]
    package let downsample: PatchMerging?

    /// - Parameters:
    ///   - blocks: applied in order.
    ///   - downsample: the step to the next stage.
    init(blocks: [any Layer], downsample: PatchMerging?) {
        self.blocks = blocks
        self.downsample = downsample
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: the next stage's input.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let y = blocks.reduce(x) { $1($0) }
        return downsample.map { $0(y) } ?? y
    }
}

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
package final class PatchMerging: Module, Layer {
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
    package func callAsFunction(_ x: Tensor) -> Tensor {
        conv3(gelu(conv2(gelu(conv1(x)))))
    }
}
