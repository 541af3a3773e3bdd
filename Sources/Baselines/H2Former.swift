import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// H2Former (IEEE TMI 2023, 10.1109/TMI.2023.3264513): each stage of a ResNet-34 beside a merging of
/// patches of two sizes, followed by Swin blocks with channel attention.
public final class H2Former: Module, TaskNetwork {
    let conv1: Conv2d
    let bn1: BatchNorm2d
    let layer1: Sequential
    let layer2: Sequential
    let layer3: Sequential
    let layer4: Sequential
    let swinLayers: [H2FormerStage]
    let patchEmbed: MultiScaleEmbedding
    let merging2: MultiScaleMerging
    let merging3: MultiScaleMerging
    let merging4: MultiScaleMerging
    let decode4: H2FormerUp
    let decode3: H2FormerUp
    let decode2: H2FormerUp
    let decode0: Sequential
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// The authors' names that differ.
    public override class var checkpointNames: [String: String] {
        ["merging2": "MS2", "merging3": "MS3", "merging4": "MS4"]
    }

    /// A network with new weights, for images of 256 x 256 pixels.
    ///
    /// - Parameters:
    ///   - dropPath: share of the samples whose last block is left out in training.
    ///   - outputs: channels of the logits.
    public init(dropPath: Double = 0.1, outputs: Int = 1) {
        self.outputs = outputs
        let (side, widths, heads) = (128, [64, 128, 256, 512], [2, 4, 8, 16])
        conv1 = ResNet34.stem(stride: 1)
        bn1 = BatchNorm2d(64)
        layer1 = ResNet34.stage(1)
        layer2 = ResNet34.stage(2)
        layer3 = ResNet34.stage(3)
        layer4 = ResNet34.stage(4)
        func block(_ stage: Int, _ index: Int) -> SwinBlock {
            let (width, side) = (widths[stage], side >> stage)
            return SwinBlock(
                width: width, side: side, heads: heads[stage], window: 16, isShifted: index == 1,
                dropPath: dropPath * Double(2 * stage + index) / 7,
                mlp: ChannelAttentionMLP(width, side: side))
        }
        swinLayers = (0..<4).map { H2FormerStage([block($0, 0), block($0, 1)]) }
        patchEmbed = MultiScaleEmbedding()
        merging2 = MultiScaleMerging(64)
        merging3 = MultiScaleMerging(128)
        merging4 = MultiScaleMerging(256)
        decode4 = H2FormerUp(512, 256)
        decode3 = H2FormerUp(256, 128)
        decode2 = H2FormerUp(128, 64)
        decode0 = Sequential(Upsample(2), Conv2d(64, outputs, kernel: 1, bias: false))
        super.init()
        for stage in swinLayers { stage.setToNormal() }
    }

    /// False: its attention over the maps' channels and windows was slower so (1.2 of the time).
    public var isTrainedChannelsLast: Bool { false }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .h2Former }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        H2Former(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, 256, 256]`.
    /// - Returns: logits, `[B, outputs, 256, 256]`.
    public func logits(_ images: Tensor) -> Tensor {
        let colours = images.repeatedChannels
        let stem = maxPool2d(relu(bn1(conv1(colours))), size: 3, stride: 2, padding: 1)
        let first = layer1(stem)
        var maps = [
            swinLayers[0](first.tokens + patchEmbed(colours))
                .map(height: first.size(2), width: first.size(3))
        ]
        let stages = [(layer2, merging2), (layer3, merging3), (layer4, merging4)]
        for (index, (layer, merging)) in stages.enumerated() {
            let map = maps[index]
            let next = layer(map) + merging(map)
            maps.append(
                swinLayers[index + 1](next.tokens).map(height: next.size(2), width: next.size(3)))
        }
        let d4 = decode4(maps[3], skip: maps[2])
        let d3 = decode3(d4, skip: maps[1])
        return decode0(decode2(d3, skip: maps[0]))
    }
}

/// Two Swin blocks.
final class H2FormerStage: Module, Layer {
    let blocks: [SwinBlock]

    init(_ blocks: [SwinBlock]) {
        self.blocks = blocks
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        blocks.reduce(x) { $1($0) }
    }
}

/// Weights channels by their neighbours' means (arXiv:1910.03151), and adds the input.
final class EfficientChannelAttention: Module, Layer {
    let conv: Conv1d

    override init() {
        conv = Conv1d(1, 1, kernel: 3, padding: 1, bias: false)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let weights = sigmoid(conv(x.mean(axes: [2, 3]).unsqueezed(1)))
        return x * weights.transposed(1, 2).unsqueezed(3) + x
    }
}

/// Convolutions of four sizes at half the resolution.
final class MultiScaleEmbedding: Module, Layer {
    let eca: EfficientChannelAttention
    let projs: [Conv2d]
    let norm: LayerNorm

    override init() {
        eca = EfficientChannelAttention()
        projs = zip([2, 4, 8, 16], [32, 16, 8, 8]).map { kernel, outputs in
            Conv2d(3, outputs, kernel: kernel, stride: 2, padding: (kernel - 2) / 2)
        }
        norm = LayerNorm(64)
    }

    /// - Parameter x: `[B, 3, H, W]`.
    /// - Returns: tokens at half the resolution, `[B, T, 64]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        norm(eca(.concatenate(projs.map { $0(x) }, axis: 1)).tokens)
    }
}

/// A norm, and convolutions of two sizes that halve the resolution.
final class MultiScaleMerging: Module, Layer {
    let reductions: [Sequential]
    let norm: LayerNorm
    let eca: EfficientChannelAttention

    /// - Parameter channels: channels in, C.
    init(_ channels: Int) {
        reductions = [2, 4].map { kernel in
            Sequential(
                Conv2d(
                    channels, channels, kernel: kernel, stride: 2, padding: (kernel - 2) / 2))
        }
        norm = LayerNorm(channels)
        eca = EfficientChannelAttention()
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, 2 C, H / 2, W / 2]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let normed = norm(x.tokens).map(height: x.size(2), width: x.size(3))
        return eca(.concatenate(reductions.map { $0(normed) }, axis: 1))
    }
}

/// An MLP with channel attention behind it.
///
/// The authors read the matrix of tokens, `[T, C]`, as a map `[C, H, W]` without transposing it, and
/// transpose the result; the elements of the output are in another order than those of the input.
final class ChannelAttentionMLP: Module, Layer {
    let fc1: Linear
    let fc2: Linear
    let eca: EfficientChannelAttention
    private let side: Int

    /// - Parameters:
    ///   - width: width of the tokens.
    ///   - side: height and width of the map.
    init(_ width: Int, side: Int) {
        fc1 = Linear(width, 4 * width)
        fc2 = Linear(4 * width, width)
        eca = EfficientChannelAttention()
        self.side = side
    }

    /// - Parameter x: `[B, T, C]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = fc2(fc1(x, activation: .gelu))
        return eca(y.reshaped([x.size(0), x.size(2), side, side])).tokens
    }
}

/// Enlarges a map and joins it in front of the map of the same resolution.
final class H2FormerUp: Module {
    let up: ConvTranspose2d
    let convBnRelu: Sequential

    init(_ inputs: Int, _ outputs: Int) {
        up = ConvTranspose2d(inputs, outputs, kernel: 2, stride: 2)
        convBnRelu = convolutionNormReLU(2 * outputs, outputs, bias: true)
    }

    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
        convBnRelu(.concatenate([up(x), skip], axis: 1))
    }
}
