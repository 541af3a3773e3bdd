import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// AAU-Net (arXiv:2204.12077): a U-Net whose convolutions adapt to channels and positions.
///
/// Only its block, `HybridAttention`, is published, for Keras. The U-Net around it is ours: widths
/// 32 to 512, one block a level, max pooling, nearest upsampling, skip connection first.
public final class AAUNet: Module, TaskNetwork {
    let down0: HybridAttention
    let down1: HybridAttention
    let down2: HybridAttention
    let down3: HybridAttention
    let bottom: HybridAttention
    let up3: HybridAttention
    let up2: HybridAttention
    let up1: HybridAttention
    let up0: HybridAttention
    let head: Conv2d
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits.
    public init(outputs: Int = 1) {
        self.outputs = outputs
        down0 = HybridAttention(3, 32)
        down1 = HybridAttention(32, 64)
        down2 = HybridAttention(64, 128)
        down3 = HybridAttention(128, 256)
        bottom = HybridAttention(256, 512)
        up3 = HybridAttention(512 + 256, 256)
        up2 = HybridAttention(256 + 128, 128)
        up1 = HybridAttention(128 + 64, 64)
        up0 = HybridAttention(64 + 32, 32)
        head = Conv2d(32, outputs, kernel: 1)
        super.init()
        setToXavierUniform()
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .aauNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        AAUNet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 16.
    /// - Returns: logits, `[B, outputs, S, S]`.
    public func logits(_ images: Tensor) -> Tensor {
        let d0 = down0(images.repeatedChannels)
        let d1 = down1(maxPool2d(d0, size: 2))
        let d2 = down2(maxPool2d(d1, size: 2))
        let d3 = down3(maxPool2d(d2, size: 2))
        let lowest = bottom(maxPool2d(d3, size: 2))
        let u3 = up3(Self.joined(lowest, d3))
        let u2 = up2(Self.joined(u3, d2))
        let u1 = up1(Self.joined(u2, d1))
        return head(up0(Self.joined(u1, d0)))
    }

    private static func joined(_ x: Tensor, _ skip: Tensor) -> Tensor {
        .concatenate(
            [skip, nearest(x, height: skip.size(2), width: skip.size(3))], axis: 1)
    }
}

/// The *hybrid adaptive attention module*: weights two convolutions of different reach by channel, then
/// their result and a third convolution by position.
final class HybridAttention: Module, Layer {
    let channel: ChannelSelection
    let spatial: SpatialSelection

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        channel = ChannelSelection(inputs, outputs)
        spatial = SpatialSelection(inputs, outputs)
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, H, W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        spatial(x, channels: channel(x))
    }

    /// Batch norm with Keras's constants.
    static func norm(_ channels: Int) -> BatchNorm2d {
        BatchNorm2d(channels, momentum: 0.01, epsilon: 1e-3)
    }
}

/// A dilated 3x3 and a 5x5 convolution, weighted against each other for each channel.
final class ChannelSelection: Module, Layer {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let conv2: Conv2d
    let bn2: BatchNorm2d
    let fc1: Linear
    let bnFc: BatchNorm2d
    let fc2: Linear
    let conv3: Conv2d
    let bn3: BatchNorm2d

    init(_ inputs: Int, _ outputs: Int) {
        conv1 = Conv2d(inputs, outputs, kernel: 3, padding: 3, dilation: 3)
        bn1 = HybridAttention.norm(outputs)
        conv2 = Conv2d(inputs, outputs, kernel: 5, padding: 2)
        bn2 = HybridAttention.norm(outputs)
        fc1 = Linear(2 * outputs, outputs)
        bnFc = HybridAttention.norm(outputs)
        fc2 = Linear(outputs, outputs)
        conv3 = Conv2d(2 * outputs, outputs, kernel: 1)
        bn3 = HybridAttention.norm(outputs)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let wide = relu(bn1(conv1(x)))
        let near = relu(bn2(conv2(x)))
        let summary = fc1(.concatenate([wide, near], axis: 1).mean(axes: [2, 3]))
        // One vector has no statistics over the batch.
        let normed =
            summary.size(0) == 1 ? bnFc.withRunningStatistics(summary) : bnFc(summary)
        let weights = sigmoid(fc2(relu(normed))).unsqueezed(2).unsqueezed(3)
        return relu(bn3(conv3(.concatenate([wide * weights, near * (1 - weights)], axis: 1))))
    }
}

/// The channels' result and a convolution, weighted against each other for each pixel.
final class SpatialSelection: Module {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let conv2: Conv2d
    let bn2: BatchNorm2d
    let gate: Conv2d
    let conv3: Conv2d
    let bn3: BatchNorm2d

    init(_ inputs: Int, _ outputs: Int) {
        conv1 = Conv2d(inputs, outputs, kernel: 3, padding: 1)
        bn1 = HybridAttention.norm(outputs)
        conv2 = Conv2d(outputs, outputs, kernel: 1)
        bn2 = HybridAttention.norm(outputs)
        gate = Conv2d(outputs, 1, kernel: 1)
        conv3 = Conv2d(2 * outputs, outputs, kernel: 3, padding: 1)
        bn3 = HybridAttention.norm(outputs)
    }

    func callAsFunction(_ x: Tensor, channels: Tensor) -> Tensor {
        let local = relu(bn2(conv2(relu(bn1(conv1(x))))))
        let weights = sigmoid(gate(relu(channels + local)))
        return bn3(
            conv3(.concatenate([channels * weights, local * (1 - weights)], axis: 1)))
    }
}
