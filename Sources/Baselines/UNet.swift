import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// U-Net (arXiv:1505.04597), in the version of milesial/Pytorch-UNet, with transposed convolutions.
public class UNet: Module, TaskNetwork {
    let inc: UNetBlock
    let down1: UNetDown
    let down2: UNetDown
    let down3: UNetDown
    let down4: UNetDown
    let up1: UNetUp
    let up2: UNetUp
    let up3: UNetUp
    let up4: UNetUp
    let outc: UNetHead
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - isBilinear: whether it enlarges by bilinear interpolation and has half as many channels at
    ///     the bottom and behind each step upwards.
    ///   - outputs: channels of the logits.
    init(isBilinear: Bool, outputs: Int) {
        self.outputs = outputs
        let bottom = isBilinear ? 512 : 1024
        inc = UNetBlock(1, middle: 64, 64)
        down1 = UNetDown(64, 128)
        down2 = UNetDown(128, 256)
        down3 = UNetDown(256, 512)
        down4 = UNetDown(512, bottom)
        up1 = UNetUp(1024, bottom / 2, isBilinear: isBilinear)
        up2 = UNetUp(512, bottom / 4, isBilinear: isBilinear)
        up3 = UNetUp(256, bottom / 8, isBilinear: isBilinear)
        up4 = UNetUp(128, 64, isBilinear: isBilinear)
        outc = UNetHead(64, outputs: outputs)
    }

    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits.
    public convenience init(outputs: Int = 1) {
        self.init(isBilinear: false, outputs: outputs)
    }

    /// The registry's entry.
    public class var architecture: ModelArchitecture { .uNet }

    /// A network with new weights.
    public class func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        UNet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 16.
    /// - Returns: logits, `[B, outputs, S, S]`.
    public func logits(_ images: Tensor) -> Tensor {
        let x1 = inc(images)
        let x2 = down1(x1)
        let x3 = down2(x2)
        let x4 = down3(x3)
        let x5 = down4(x4)
        return outc(up4(up3(up2(up1(x5, skip: x4), skip: x3), skip: x2), skip: x1))
    }
}

/// The U-Net that enlarges by bilinear interpolation: the default of its repository until 2022.
public final class BilinearUNet: UNet {
    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits.
    public convenience init(outputs: Int = 1) {
        self.init(isBilinear: true, outputs: outputs)
    }

    /// The registry's entry.
    public override class var architecture: ModelArchitecture { .bilinearUNet }

    /// A network with new weights.
    public override class func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork
    {
        BilinearUNet(outputs: configuration.outputs)
    }
}

/// Twice 3x3 convolution, batch norm and ReLU.
final class UNetBlock: Module, Layer {
    let doubleConv: Sequential

    init(_ inputs: Int, middle: Int, _ outputs: Int) {
        doubleConv = doubleConvolution(inputs, middle: middle, outputs)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        doubleConv(x)
    }
}

/// Max pooling, then a block.
final class UNetDown: Module, Layer {
    let maxpoolConv: Sequential

    init(_ inputs: Int, _ outputs: Int) {
        maxpoolConv = Sequential(MaxPool2d(2), UNetBlock(inputs, middle: outputs, outputs))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        maxpoolConv(x)
    }
}

/// Enlarges a map, joins it behind the map of the same resolution, and applies a block.
final class UNetUp: Module {
    let up: ConvTranspose2d?
    let conv: UNetBlock

    /// - Parameters:
    ///   - inputs: channels of both maps together.
    ///   - outputs: channels out.
    ///   - isBilinear: whether interpolation replaces the transposed convolution.
    init(_ inputs: Int, _ outputs: Int, isBilinear: Bool) {
        up = isBilinear ? nil : ConvTranspose2d(inputs, inputs / 2, kernel: 2, stride: 2)
        conv = UNetBlock(inputs, middle: isBilinear ? inputs / 2 : outputs, outputs)
    }

    /// - Parameters:
    ///   - x: the smaller map, `[B, C, H, W]`.
    ///   - skip: the larger map, `[B, D, 2 H, 2 W]`, or one row or column more, for which zeros are
    ///     added.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
        let larger = up?(x) ?? x.enlarged(by: 2)
        let (rows, columns) = (
            skip.size(2) - larger.size(2), skip.size(3) - larger.size(3)
        )
        let fitting =
            rows == 0 && columns == 0
            ? larger
            : larger.padded([columns / 2, columns - columns / 2, rows / 2, rows - rows / 2])
        return conv(.concatenate([skip, fitting], axis: 1))
    }
}

/// The 1x1 convolution that gives the logits.
final class UNetHead: Module, Layer {
    let conv: Conv2d

    init(_ inputs: Int, outputs: Int) {
        conv = Conv2d(inputs, outputs, kernel: 1)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        conv(x)
    }
}
