import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// CPFNet (IEEE TMI 2020, 10.1109/TMI.2020.2983721): a ResNet-34 with global pyramid guidance at the
/// skips and scale-aware pyramid fusion at the bottom.
///
/// The published network has layers that it never uses; they are in its checkpoints, and here too.
public final class CPFNet: Module, TaskNetwork {
    let backbone: ResNet34Encoder
    let sap: ScaleAwarePyramidFusion
    let decoder5: CPFNetDecoderBlock
    let decoder4: CPFNetDecoderBlock
    let decoder3: CPFNetDecoderBlock
    let decoder2: CPFNetDecoderBlock
    let guidance2: PyramidGuidance
    let guidance3: PyramidGuidance
    let guidance4: PyramidGuidance
    let mainHead: CPFNetHead
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// The authors' names of the guidance modules.
    public override class var checkpointNames: [String: String] {
        ["guidance2": "mce_2", "guidance3": "mce_3", "guidance4": "mce_4"]
    }

    /// A network with new weights.
    ///
    /// - Parameter outputs: channels of the logits.
    public init(outputs: Int = 1) {
        self.outputs = outputs
        backbone = ResNet34Encoder(isWhole: true)
        sap = ScaleAwarePyramidFusion(512)
        decoder5 = CPFNetDecoderBlock(512, 256, hasBlock: false)
        decoder4 = CPFNetDecoderBlock(256, 128)
        decoder3 = CPFNetDecoderBlock(128, 64)
        decoder2 = CPFNetDecoderBlock(64, 64)
        guidance2 = PyramidGuidance([512, 256, 128, 64], dilations: [1, 2, 4, 8])
        guidance3 = PyramidGuidance([512, 256, 128], dilations: [1, 2, 4])
        guidance4 = PyramidGuidance([512, 256], dilations: [1, 2])
        mainHead = CPFNetHead(64, outputs: outputs)
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .cpfNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        CPFNet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`; S is divisible by 32.
    /// - Returns: logits, `[B, outputs, S, S]`: what the authors' log-softmax takes.
    public func logits(_ images: Tensor) -> Tensor {
        let maps = backbone(images.repeatedChannels)
        let (c1, c2, c3, c4) = (maps[0], maps[1], maps[2], maps[3])
        let c5 = sap(maps[4])
        // The guidance takes the deepest map before the fusion.
        let m4 = guidance4([maps[4], c4])
        let m3 = guidance3([maps[4], c4, c3])
        let m2 = guidance2([maps[4], c4, c3, c2])
        let d4 = relu(decoder5(c5) + m4)
        let d3 = relu(decoder4(d4) + m3)
        let d2 = relu(decoder3(d3) + m2)
        return mainHead(decoder2(d2) + c1)
    }
}

/// Convolution, batch norm and, where there is one, ReLU.
final class CPFNetConvolution: Module, Layer {
    let conv: Conv2d
    let bn: BatchNorm2d

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel; the image keeps its size.
    init(_ inputs: Int, _ outputs: Int, kernel: Int) {
        conv = Conv2d(inputs, outputs, kernel: kernel, padding: kernel / 2, bias: false)
        bn = BatchNorm2d(outputs)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(bn(conv(x)))
    }
}

/// One convolution at three dilations, fused by attention between neighbouring dilations: *scale-aware
/// pyramid fusion*.
final class ScaleAwarePyramidFusion: Module, Layer {
    let gamma: Parameter
    let conv3x3: Conv2d
    let bn: [BatchNorm2d]
    let conv1x1: [Conv2d]
    let attention1: [Conv2d]
    let attention2: [Conv2d]
    let convLast: CPFNetConvolution

    override class var checkpointNames: [String: String] {
        ["attention1": "conv3x3_1", "attention2": "conv3x3_2"]
    }

    /// - Parameter channels: channels in and out.
    init(_ channels: Int) {
        gamma = Parameter(constant: 0, [1])
        conv3x3 = Conv2d(channels, channels, kernel: 3, padding: 1)
        bn = (0..<3).map { _ in BatchNorm2d(channels) }
        // The second of each pair is never used.
        conv1x1 = (0..<2).map { _ in Conv2d(2 * channels, channels, kernel: 1) }
        attention1 = (0..<2).map { _ in
            Conv2d(channels, channels / 2, kernel: 3, padding: 1)
        }
        attention2 = (0..<2).map { _ in Conv2d(channels / 2, 2, kernel: 3, padding: 1) }
        convLast = CPFNetConvolution(channels, channels, kernel: 1)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        // The convolution's bias belongs to the first dilation only.
        let branch1 = bn[0](conv3x3(x))
        let branch2 = bn[1](conv3x3(x, dilation: 2, addsBias: false))
        let branch3 = bn[2](conv3x3(x, dilation: 4, addsBias: false))
        let fused = fuse(fuse(branch1, branch2), branch3)
        return convLast(relu(gamma.value * fused + (1 - gamma.value) * x))
    }

    private func fuse(_ one: Tensor, _ other: Tensor) -> Tensor {
        let features = relu(conv1x1[0](.concatenate([one, other], axis: 1)))
        let weights = attention2[0](relu(attention1[0](features))).softmax(axis: 1)
        return one * weights[.all, 0..<1] + other * weights[.all, 1..<2]
    }
}

/// Maps of several resolutions at the largest of them, through separable convolutions of several
/// dilations: *global pyramid guidance*.
final class PyramidGuidance: Module {
    let conv5: Sequential
    let conv4: Sequential
    let conv3: Sequential?
    let conv2: Sequential?
    let convOut: Sequential
    let dilation1: Sequential
    let dilation2: Sequential
    let dilation3: Sequential?
    let dilation4: Sequential?

    /// - Parameters:
    ///   - inputs: channels of the maps, from the smallest map to the largest, whose number of
    ///     channels is that of the result.
    ///   - dilations: one for each map.
    init(_ inputs: [Int], dilations: [Int]) {
        let outputs = inputs[inputs.count - 1]
        let joined = outputs * inputs.count
        func reduction(_ index: Int) -> Sequential? {
            index < inputs.count ? convolutionNormReLU(inputs[index], outputs) : nil
        }
        func separable(_ index: Int) -> Sequential? {
            index < dilations.count
                ? Sequential(
                    SeparableConvolution(joined, outputs, dilation: dilations[index]),
                    BatchNorm2d(outputs), ReLU())
                : nil
        }
        conv5 = convolutionNormReLU(inputs[0], outputs)
        conv4 = convolutionNormReLU(inputs[1], outputs)
        conv3 = reduction(2)
        conv2 = reduction(3)
        convOut = Sequential(
            Conv2d(joined, outputs, kernel: 1, bias: false), BatchNorm2d(outputs))
        dilation1 = Sequential(
            SeparableConvolution(joined, outputs, dilation: dilations[0]), BatchNorm2d(outputs),
            ReLU())
        dilation2 = Sequential(
            SeparableConvolution(joined, outputs, dilation: dilations[1]), BatchNorm2d(outputs),
            ReLU())
        dilation3 = separable(2)
        dilation4 = separable(3)
    }

    /// - Parameter maps: from the smallest to the largest, `[B, C, H, W]`.
    /// - Returns: `[B, outputs, H, W]` with the resolution of the largest.
    func callAsFunction(_ maps: [Tensor]) -> Tensor {
        let reductions = [conv5, conv4, conv3, conv2].compactMap(\.self)
        let (height, width) = (maps[maps.count - 1].size(2), maps[maps.count - 1].size(3))
        let joined = Tensor.concatenate(
            zip(reductions, maps).map { reduce, map in
                let reduced = reduce(map)
                return reduced.size(2) == height
                    ? reduced
                    : bilinear(reduced, height: height, width: width, alignCorners: true)
            }, axis: 1)
        let branches = [dilation1, dilation2, dilation3, dilation4].compactMap(\.self)
        return convOut(.concatenate(branches.map { $0(joined) }, axis: 1))
    }
}

/// A convolution of each channel by itself, a batch norm, and a 1x1 convolution.
final class SeparableConvolution: Module, Layer {
    let conv1: Conv2d
    let bn: BatchNorm2d
    let pointwise: Conv2d

    init(_ inputs: Int, _ outputs: Int, dilation: Int) {
        conv1 = Conv2d(
            inputs, inputs, kernel: 3, padding: dilation, dilation: dilation, groups: inputs,
            bias: false)
        bn = BatchNorm2d(inputs)
        pointwise = Conv2d(inputs, outputs, kernel: 1, bias: false)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        pointwise(bn(conv1(x)))
    }
}

/// Enlarges a map between a 3x3 and a 1x1 convolution.
final class CPFNetDecoderBlock: Module, Layer {
    let block: CPFNetConvolution
    let projection: CPFNetConvolution
    let sap: ScaleAwarePyramidFusion
    private let hasBlock: Bool

    override class var checkpointNames: [String: String] {
        ["block": "conv_3x3", "projection": "conv_1x1"]
    }

    /// - Parameters:
    ///   - inputs: channels in.
    ///   - outputs: channels out.
    ///   - hasBlock: whether the 3x3 convolution is used; the pyramid fusion never is.
    init(_ inputs: Int, _ outputs: Int, hasBlock: Bool = true) {
        block = CPFNetConvolution(inputs, inputs, kernel: 3)
        projection = CPFNetConvolution(inputs, outputs, kernel: 1)
        sap = ScaleAwarePyramidFusion(inputs)
        self.hasBlock = hasBlock
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        projection((hasBlock ? block(x) : x).enlarged(by: 2))
    }
}

/// Enlarges a map and reduces it to the logits.
final class CPFNetHead: Module, Layer {
    let reduction: Sequential
    let output: Conv2d

    override class var checkpointNames: [String: String] {
        ["reduction": "conv_1x1_3x3", "output": "conv_1x1_2"]
    }

    init(_ inputs: Int, outputs: Int) {
        reduction = Sequential(
            CPFNetConvolution(inputs, 32, kernel: 1), CPFNetConvolution(32, 32, kernel: 3))
        output = Conv2d(32, outputs, kernel: 1)
    }

    /// - Parameter x: `[B, inputs, H, W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        output(reduction(x.enlarged(by: 2)))
    }
}
