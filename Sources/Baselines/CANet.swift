import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// CA-Net (arXiv:2009.10549): a small U-Net with attention over positions, channels and scales.
///
/// The published program drops channels at random in every forward pass, at test time too, because
/// it makes the dropout layers there; this network has none. It has two classes, whose difference is
/// the logit of the foreground.
public final class CANet: Module, TaskNetwork {
    let conv1: CANetBlock
    let conv2: CANetBlock
    let conv3: CANetBlock
    let conv4: CANetBlock
    let center: CANetBlock
    let attentionblock2: SkipAttention
    let attentionblock3: SkipAttention
    let nonlocal4: NonLocalBlock
    let upConcat4: CANetUp
    let upConcat3: CANetUp
    let upConcat2: CANetUp
    let upConcat1: CANetUp
    let up4: ChannelAttentionBlock
    let up3: ChannelAttentionBlock
    let up2: ChannelAttentionBlock
    let up1: ChannelAttentionBlock
    let dsv4: ScaleHead
    let dsv3: ScaleHead
    let dsv2: ScaleHead
    let dsv1: Conv2d
    let scaleAtt: ScaleAttention
    let output: Sequential
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// The authors' names that differ.
    public override class var checkpointNames: [String: String] {
        ["nonlocal4": "nonlocal4_2", "output": "final"]
    }

    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits, at least 2.
    public init(outputs: Int = 2) {
        self.outputs = outputs
        conv1 = CANetBlock(3, 16)
        conv2 = CANetBlock(16, 32)
        conv3 = CANetBlock(32, 64)
        conv4 = CANetBlock(64, 128)
        center = CANetBlock(128, 256)
        attentionblock2 = SkipAttention(32, gating: 64)
        attentionblock3 = SkipAttention(64, gating: 128)
        nonlocal4 = NonLocalBlock(256)
        upConcat4 = CANetUp(256, 128)
        upConcat3 = CANetUp(128, 64)
        upConcat2 = CANetUp(64, 32)
        upConcat1 = CANetUp(32, 16)
        up4 = ChannelAttentionBlock(256, 128)
        up3 = ChannelAttentionBlock(128, 64)
        up2 = ChannelAttentionBlock(64, 32)
        up1 = ChannelAttentionBlock(32, 16)
        dsv4 = ScaleHead(128)
        dsv3 = ScaleHead(64)
        dsv2 = ScaleHead(32)
        dsv1 = Conv2d(16, 4, kernel: 1)
        scaleAtt = ScaleAttention()
        output = Sequential(Conv2d(4, outputs, kernel: 1))
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .caNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        CANet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 32.
    /// - Returns: logits of background and object, `[B, 2, S, S]`, or of background and classes.
    public func logits(_ images: Tensor) -> Tensor {
        let c1 = conv1(images.repeatedChannels)
        let c2 = conv2(maxPool2d(c1, size: 2))
        let c3 = conv3(maxPool2d(c2, size: 2))
        let c4 = conv4(maxPool2d(c3, size: 2))
        let bottom = center(maxPool2d(c4, size: 2))
        let u4 = up4(nonlocal4(upConcat4(bottom, skip: c4)))
        let u3 = up3(upConcat3(u4, skip: attentionblock3(c3, gating: u4)))
        let u2 = up2(upConcat2(u3, skip: attentionblock2(c2, gating: u3)))
        let u1 = up1(upConcat1(u2, skip: c1))
        let (height, width) = (u1.size(2), u1.size(3))
        let scales = Tensor.concatenate(
            [
                dsv1(u1), dsv2(u2, height: height, width: width),
                dsv3(u3, height: height, width: width), dsv4(u4, height: height, width: width),
            ], axis: 1)
        return output(scaleAtt(scales))
    }
}

/// Twice 3x3 convolution with bias, batch norm and ReLU.
final class CANetBlock: Module, Layer {
    let conv: Sequential

    init(_ inputs: Int, _ outputs: Int) {
        conv = doubleConvolution(inputs, middle: outputs, outputs, bias: true)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        conv(x)
    }
}

/// Enlarges a map and joins it behind the map of the same resolution.
final class CANetUp: Module {
    let up: ConvTranspose2d

    init(_ inputs: Int, _ outputs: Int) {
        up = ConvTranspose2d(inputs, outputs, kernel: 2, stride: 2)
    }

    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
        .concatenate([skip, up(x)], axis: 1)
    }
}

/// Two gates of a skip connection, joined.
final class SkipAttention: Module {
    let gate1: AttentionGate
    let gate2: AttentionGate
    let combineGates: Sequential

    override class var checkpointNames: [String: String] {
        ["gate1": "gate_block_1", "gate2": "gate_block_2"]
    }

    /// - Parameters:
    ///   - channels: channels of the skip connection.
    ///   - gating: channels of the map that controls the gates.
    init(_ channels: Int, gating: Int) {
        gate1 = AttentionGate(channels, gating: gating)
        gate2 = AttentionGate(channels, gating: gating)
        combineGates = convolutionNormReLU(2 * channels, channels, kernel: 1, bias: true)
    }

    /// - Parameters:
    ///   - x: the skip connection, `[B, C, H, W]`.
    ///   - gating: the map of the level below, `[B, G, H / 2, W / 2]`.
    /// - Returns: a tensor of the shape of `x`.
    func callAsFunction(_ x: Tensor, gating: Tensor) -> Tensor {
        combineGates(
            .concatenate([gate1(x, gating: gating), gate2(x, gating: gating)], axis: 1))
    }
}

/// An additive gate (arXiv:1804.03999): multiplies each pixel by a number in 0..1.
final class AttentionGate: Module {
    let output: Sequential
    let theta: Conv2d
    let phi: Conv2d
    let psi: Conv2d

    override class var checkpointNames: [String: String] { ["output": "W"] }

    init(_ channels: Int, gating: Int) {
        output = Sequential(Conv2d(channels, channels, kernel: 1), BatchNorm2d(channels))
        theta = Conv2d(channels, channels, kernel: 1)
        phi = Conv2d(gating, channels, kernel: 1)
        psi = Conv2d(channels, 1, kernel: 1)
    }

    func callAsFunction(_ x: Tensor, gating: Tensor) -> Tensor {
        let control = bilinear(phi(gating), height: x.size(2), width: x.size(3))
        return output(sigmoid(psi(relu(theta(x) + control))) * x)
    }
}

/// Attention of all pixels to a quarter of them, added to the input: the *non-local block*
/// (arXiv:1711.07971), embedded Gaussian.
final class NonLocalBlock: Module, Layer {
    let g: Sequential
    let output: Sequential
    let theta: Conv2d
    let phi: Sequential

    override class var checkpointNames: [String: String] { ["output": "W"] }

    /// - Parameter channels: channels in and out; a quarter of them inside.
    init(_ channels: Int) {
        let inside = channels / 4
        g = Sequential(Conv2d(channels, inside, kernel: 1), MaxPool2d(2))
        output = Sequential(Conv2d(inside, channels, kernel: 1), BatchNorm2d(channels))
        theta = Conv2d(channels, inside, kernel: 1)
        phi = Sequential(Conv2d(channels, inside, kernel: 1), MaxPool2d(2))
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = attention(
            query: theta(x).tokens.unsqueezed(1), key: phi(x).tokens.unsqueezed(1),
            value: g(x).tokens.unsqueezed(1))
        return output(mixed.map(height: x.size(2), width: x.size(3))) + x
    }
}

/// Convolutions whose channels are weighted by their mean and their maximum.
final class ChannelAttentionBlock: Module, Layer {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let conv2: Conv2d
    let bn2: BatchNorm2d
    let conv3: Conv2d
    let bn3: BatchNorm2d
    let fc1: Linear
    let fc2: Linear
    let downchannel: Sequential

    /// - Parameters:
    ///   - inputs: channels in, twice those out.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        conv1 = Conv2d(inputs, outputs, kernel: 3, padding: 1, bias: false)
        bn1 = BatchNorm2d(outputs)
        conv2 = Conv2d(outputs, 2 * outputs, kernel: 3, padding: 1, bias: false)
        bn2 = BatchNorm2d(2 * outputs)
        conv3 = Conv2d(2 * outputs, outputs, kernel: 3, padding: 1, bias: false)
        bn3 = BatchNorm2d(outputs)
        fc1 = Linear(2 * outputs, outputs / 2)
        fc2 = Linear(outputs / 2, 2 * outputs)
        downchannel = Sequential(
            Conv2d(inputs, 2 * outputs, kernel: 1, bias: false), BatchNorm2d(2 * outputs))
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, H, W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let features = bn2(conv2(relu(bn1(conv1(x)))))
        let weighted =
            features * weights(features.mean(axes: [2, 3]))
            + features * weights(features.max(axes: [2, 3]))
        return relu(bn3(conv3(relu(weighted + downchannel(x)))))
    }

    /// Weights of the channels, `[B, C, 1, 1]` for `[B, C]`.
    private func weights(_ summary: Tensor) -> Tensor {
        sigmoid(fc2(relu(fc1(summary)))).unsqueezed(2).unsqueezed(3)
    }
}

/// Four channels of a level at the full resolution.
final class ScaleHead: Module {
    let dsv: Sequential

    init(_ inputs: Int) {
        dsv = Sequential(Conv2d(inputs, 4, kernel: 1))
    }

    func callAsFunction(_ x: Tensor, height: Int, width: Int) -> Tensor {
        bilinear(dsv(x), height: height, width: width)
    }
}

/// Weights the four levels, as a whole and at each pixel.
final class ScaleAttention: Module, Layer {
    let conv3: Conv2d
    let bn3: BatchNorm2d
    let cbam: ScaleGates

    override init() {
        conv3 = Conv2d(16, 4, kernel: 3, padding: 1, bias: false)
        bn3 = BatchNorm2d(4)
        cbam = ScaleGates()
    }

    /// - Parameter x: four channels of each of four levels, `[B, 16, H, W]`.
    /// - Returns: `[B, 4, H, W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(bn3(conv3(relu(cbam(x) + x))))
    }
}

/// The gate of whole levels, then that of pixels.
final class ScaleGates: Module, Layer {
    let levels: LevelGate
    let pixels: PixelGate

    override class var checkpointNames: [String: String] {
        ["levels": "ChannelGate", "pixels": "SpatialGate"]
    }

    override init() {
        levels = LevelGate()
        pixels = PixelGate()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        pixels(levels(x))
    }
}

/// All axes but the first as one.
final class Flatten: Module, Layer {
    func callAsFunction(_ x: Tensor) -> Tensor {
        x.flattened(from: 1)
    }
}

/// Multiplies each level by a number.
final class LevelGate: Module, Layer {
    let mlp: Sequential

    override init() {
        mlp = Sequential(Flatten(), Linear(16, 4), ReLU(), Linear(4, 16))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let channels =
            mlp(x.mean(axes: [2, 3], keepingAxes: true))
            + mlp(x.max(axes: [2, 3], keepingAxes: true))
        let levels = channels.reshaped([x.size(0), 4, 4]).mean(axes: [2])
        return x * sigmoid(levels).repeatedForLevels([x.size(0), 4, 4, 1, 1])
    }
}

/// Multiplies each pixel of each level by a number in 1..2.
final class PixelGate: Module, Layer {
    let conv1: PixelGateConvolution
    let conv2: PixelGateConvolution

    override init() {
        conv1 = PixelGateConvolution(16, kernel: 3, hasNorm: true)
        conv2 = PixelGateConvolution(4, kernel: 1, hasNorm: false)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let gate = sigmoid(conv2(conv1(x)))
        return x + x * gate.repeatedForLevels([x.size(0), 4, 4, x.size(2), x.size(3)])
    }
}

/// Convolution to four channels, a batch norm where there is one, and ReLU.
final class PixelGateConvolution: Module, Layer {
    let conv: Conv2d
    let bn: BatchNorm2d?

    init(_ inputs: Int, kernel: Int, hasNorm: Bool) {
        conv = Conv2d(inputs, 4, kernel: kernel, padding: kernel / 2, bias: false)
        bn = hasNorm ? BatchNorm2d(4, momentum: 0.01) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = conv(x)
        return relu(bn?(y) ?? y)
    }
}

extension Tensor {
    /// Four channels, each repeated for the four channels of its level.
    ///
    /// - Parameter shape: `[B, 4, 4, H, W]`, with level and channel of the level apart.
    /// - Returns: `[B, 16, H, W]` for `[B, 4, H, W]` or `[B, 4]`.
    fileprivate func repeatedForLevels(_ shape: [Int]) -> Tensor {
        reshaped([shape[0], shape[1], 1, shape[3], shape[4]]).expanded(shape)
            .reshaped([shape[0], shape[1] * shape[2], shape[3], shape[4]])
    }
}
