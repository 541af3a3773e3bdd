import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// FAT-Net (Medical Image Analysis 2022, 10.1016/j.media.2021.102327): a ResNet-34 without pooling and
/// a small vision transformer side by side.
///
/// The adaptation module of each skip connection is applied several times with the same weights;
/// checkpoints hold them once for each time. `decoder1` is in the checkpoints and is not used.
public final class FATNet: Module, TaskNetwork {
    let firstconv: Conv2d
    let firstbn: BatchNorm2d
    let encoder1: Sequential
    let encoder2: Sequential
    let encoder3: Sequential
    let encoder4: Sequential
    let patchEmbed: PatchEmbedding
    let transformers: [VisionTransformerBlock]
    let convSeqImg: Conv2d
    let se: SqueezeExcitation
    let conv2d: Conv2d
    let adaptation1: FeatureAdaptation
    let adaptation2: FeatureAdaptation
    let adaptation3: FeatureAdaptation
    let repeated1: [FeatureAdaptation]
    let repeated2: [FeatureAdaptation]
    let repeated3: [FeatureAdaptation]
    let decoder4: FATNetDecoderBlock
    let decoder3: FATNetDecoderBlock
    let decoder2: FATNetDecoderBlock
    let decoder1: FATNetDecoderBlock
    let finalConv1: ConvTranspose2d
    let finalConv2: Conv2d
    let finalConv3: Conv2d
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// The authors' names that differ.
    public override class var checkpointNames: [String: String] {
        [
            "adaptation1": "FAMBlock1", "adaptation2": "FAMBlock2", "adaptation3": "FAMBlock3",
            "repeated1": "FAM1", "repeated2": "FAM2", "repeated3": "FAM3",
        ]
    }

    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits.
    public init(outputs: Int = 1) {
        self.outputs = outputs
        firstconv = ResNet34.stem()
        firstbn = BatchNorm2d(64)
        encoder1 = ResNet34.stage(1)
        encoder2 = ResNet34.stage(2)
        encoder3 = ResNet34.stage(3)
        encoder4 = ResNet34.stage(4)
        patchEmbed = PatchEmbedding(size: 16, width: 192)
        transformers = (0..<12).map { _ in VisionTransformerBlock(width: 192, heads: 3) }
        convSeqImg = Conv2d(192, 512, kernel: 1)
        se = SqueezeExcitation(1024)
        conv2d = Conv2d(1024, 512, kernel: 1)
        adaptation1 = FeatureAdaptation(64)
        adaptation2 = FeatureAdaptation(128)
        adaptation3 = FeatureAdaptation(256)
        repeated1 = [FeatureAdaptation](repeating: adaptation1, count: 6)
        repeated2 = [FeatureAdaptation](repeating: adaptation2, count: 4)
        repeated3 = [FeatureAdaptation](repeating: adaptation3, count: 2)
        decoder4 = FATNetDecoderBlock(512, 256)
        decoder3 = FATNetDecoderBlock(256, 128)
        decoder2 = FATNetDecoderBlock(128, 64)
        decoder1 = FATNetDecoderBlock(64, 64)
        finalConv1 = ConvTranspose2d(64, 32, kernel: 4, stride: 2, padding: 1)
        finalConv2 = Conv2d(32, 32, kernel: 3, padding: 1)
        finalConv3 = Conv2d(32, outputs, kernel: 3, padding: 1)
        super.init()
        for block in transformers { block.setToNormal() }
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .fatNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        FATNet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 16.
    /// - Returns: logits, `[B, outputs, S, S]`.
    public func logits(_ images: Tensor) -> Tensor {
        let colours = images.repeatedChannels
        let e1 = encoder1(relu(firstbn(firstconv(colours))))
        let e2 = encoder2(e1)
        let e3 = encoder3(e2)
        let e4 = encoder4(e3)
        let tokens = transformers.reduce(patchEmbed(colours)) { $1($0) }
        let global = convSeqImg(tokens.map(height: e4.size(2), width: e4.size(3)))
        let bottom = conv2d(se(.concatenate([e4, global], axis: 1)))
        let d4 = decoder4(bottom) + repeated3.reduce(e3) { $1($0) }
        let d3 = decoder3(d4) + repeated2.reduce(e2) { $1($0) }
        let d2 = decoder2(d3) + repeated1.reduce(e1) { $1($0) }
        return finalConv3(relu(finalConv2(relu(finalConv1(d2)))))
    }
}

/// Weights each channel by all channels' means (arXiv:1709.01507).
final class SqueezeExcitation: Module, Layer {
    let fc: Sequential

    /// - Parameter channels: channels in and out; a sixteenth of them inside.
    init(_ channels: Int) {
        fc = Sequential(
            Linear(channels, channels / 16, bias: false), ReLU(),
            Linear(channels / 16, channels, bias: false), Sigmoid())
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        x * fc(x.mean(axes: [2, 3])).unsqueezed(2).unsqueezed(3)
    }
}

/// The sum of a 3x3 and a 1x1 convolution, each with ReLU: the *feature adaptation module*.
final class FeatureAdaptation: Module, Layer {
    let conv3: Conv2d
    let conv1: Conv2d

    init(_ channels: Int) {
        conv3 = Conv2d(channels, channels, kernel: 3, padding: 1)
        conv1 = Conv2d(channels, channels, kernel: 1)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(conv3(x)) + relu(conv1(x))
    }
}

/// Enlarges a map between two 1x1 convolutions, with a quarter of the channels.
final class FATNetDecoderBlock: Module, Layer {
    let conv1: Conv2d
    let norm1: BatchNorm2d
    let up: Sequential
    let conv3: Conv2d
    let norm3: BatchNorm2d

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        let inside = inputs / 4
        conv1 = Conv2d(inputs, inside, kernel: 1)
        norm1 = BatchNorm2d(inside)
        up = Sequential(
            ConvTranspose2d(inside, inside, kernel: 3, stride: 2, padding: 1, outputPadding: 1),
            BatchNorm2d(inside), ReLU())
        conv3 = Conv2d(inside, outputs, kernel: 1)
        norm3 = BatchNorm2d(outputs)
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(norm3(conv3(up(relu(norm1(conv1(x)))))))
    }
}
