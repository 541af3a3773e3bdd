import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// CE-Net (arXiv:1903.02740): a ResNet-34 with dense atrous convolutions and pooling of several sizes
/// between encoder and decoder.
public final class CENet: Module, TaskNetwork {
    let firstconv: Conv2d
    let firstbn: BatchNorm2d
    let encoder1: Sequential
    let encoder2: Sequential
    let encoder3: Sequential
    let encoder4: Sequential
    let dblock: DenseAtrousConvolution
    let spp: MultiKernelPooling
    let decoder4: CENetDecoderBlock
    let decoder3: CENetDecoderBlock
    let decoder2: CENetDecoderBlock
    let decoder1: CENetDecoderBlock
    let finaldeconv1: ConvTranspose2d
    let finalconv2: Conv2d
    let finalconv3: Conv2d
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

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
        dblock = DenseAtrousConvolution(512)
        spp = MultiKernelPooling(512)
        decoder4 = CENetDecoderBlock(516, 256)
        decoder3 = CENetDecoderBlock(256, 128)
        decoder2 = CENetDecoderBlock(128, 64)
        decoder1 = CENetDecoderBlock(64, 64)
        finaldeconv1 = ConvTranspose2d(64, 32, kernel: 4, stride: 2, padding: 1)
        finalconv2 = Conv2d(32, 32, kernel: 3, padding: 1)
        finalconv3 = Conv2d(32, outputs, kernel: 3, padding: 1)
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .ceNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        CENet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 32.
    /// - Returns: logits, `[B, outputs, S, S]`: what the authors' sigmoid takes.
    public func logits(_ images: Tensor) -> Tensor {
        let first = relu(firstbn(firstconv(images.repeatedChannels)))
        let e1 = encoder1(maxPool2d(first, size: 3, stride: 2, padding: 1))
        let e2 = encoder2(e1)
        let e3 = encoder3(e2)
        let context = spp(dblock(encoder4(e3)))
        let d4 = decoder4(context) + e3
        let d3 = decoder3(d4) + e2
        let d2 = decoder2(d3) + e1
        let d1 = decoder1(d2)
        return finalconv3(relu(finalconv2(relu(finaldeconv1(d1)))))
    }
}

/// Four chains of dilated convolutions with shared weights, added to the input: the *dense atrous
/// convolution* block.
final class DenseAtrousConvolution: Module, Layer {
    let dilate1: Conv2d
    let dilate2: Conv2d
    let dilate3: Conv2d
    let conv1x1: Conv2d

    /// - Parameter channels: channels in and out.
    init(_ channels: Int) {
        dilate1 = Conv2d(channels, channels, kernel: 3, padding: 1)
        dilate2 = Conv2d(channels, channels, kernel: 3, padding: 3, dilation: 3)
        dilate3 = Conv2d(channels, channels, kernel: 3, padding: 5, dilation: 5)
        conv1x1 = Conv2d(channels, channels, kernel: 1)
        super.init()
        for layer in [dilate1, dilate2, dilate3, conv1x1] { layer.setBiasToZero() }
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let first = dilate1(x)
        return x + relu(first) + relu(conv1x1(dilate2(x))) + relu(conv1x1(dilate2(first)))
            + relu(conv1x1(dilate3(dilate2(first))))
    }
}

/// One channel of each of four max-poolings, in front of the input: *residual multi-kernel pooling*.
final class MultiKernelPooling: Module, Layer {
    let conv: Conv2d

    /// Sizes of the windows; rows and columns that fill no window are left out.
    private static let sizes = [2, 3, 5, 6]

    /// - Parameter channels: channels in.
    init(_ channels: Int) {
        conv = Conv2d(channels, 1, kernel: 1)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, 4 + C, H, W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let pooled = Self.sizes.map {
            bilinear(conv(maxPool2d(x, size: $0)), height: x.size(2), width: x.size(3))
        }
        return .concatenate(pooled + [x], axis: 1)
    }
}

/// Enlarges a map between two 1x1 convolutions, with a quarter of the channels.
final class CENetDecoderBlock: Module, Layer {
    let conv1: Conv2d
    let norm1: BatchNorm2d
    let deconv2: ConvTranspose2d
    let norm2: BatchNorm2d
    let conv3: Conv2d
    let norm3: BatchNorm2d

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    init(_ inputs: Int, _ outputs: Int) {
        let inside = inputs / 4
        conv1 = Conv2d(inputs, inside, kernel: 1)
        norm1 = BatchNorm2d(inside)
        deconv2 = ConvTranspose2d(
            inside, inside, kernel: 3, stride: 2, padding: 1, outputPadding: 1)
        norm2 = BatchNorm2d(inside)
        conv3 = Conv2d(inside, outputs, kernel: 1)
        norm3 = BatchNorm2d(outputs)
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let inside = relu(norm1(conv1(x)))
        return relu(norm3(conv3(relu(norm2(deconv2(inside))))))
    }
}
