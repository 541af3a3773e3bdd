import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// TransUNet (arXiv:2102.04306): a ResNet-50 with group norms, a ViT-B on its map, and a convolutional
/// decoder with skip connections to the ResNet.
public final class TransUNet: Module, TaskNetwork {
    let transformer: TransUNetTransformer
    let decoder: TransUNetDecoder
    let segmentationHead: Sequential
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - dropout: share of elements that dropout zeroes in training.
    ///   - outputs: channels of the logits.
    public init(dropout: Double = 0.1, outputs: Int = 1) {
        self.outputs = outputs
        transformer = TransUNetTransformer(dropout: dropout)
        decoder = TransUNetDecoder()
        segmentationHead = Sequential(Conv2d(16, outputs, kernel: 3, padding: 1))
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .transUNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        TransUNet(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, 256, 256]`.
    /// - Returns: logits, `[B, outputs, 256, 256]`.
    public func logits(_ images: Tensor) -> Tensor {
        let (tokens, skips) = transformer(images.repeatedChannels)
        let side = images.size(2) / 16
        return segmentationHead(decoder(tokens.map(height: side, width: side), skips: skips))
    }
}

/// Images to tokens, and the maps of the skip connections.
final class TransUNetTransformer: Module {
    let embeddings: TransUNetEmbeddings
    let encoder: TransUNetEncoder

    init(dropout: Double) {
        embeddings = TransUNetEmbeddings(width: 768, tokens: 256, dropout: dropout)
        encoder = TransUNetEncoder(width: 768, depth: 12, dropout: dropout)
    }

    func callAsFunction(_ x: Tensor) -> (tokens: Tensor, skips: [Tensor]) {
        let (tokens, skips) = embeddings(x)
        return (encoder(tokens), skips)
    }
}

/// The ResNet and the projection of its map to tokens.
final class TransUNetEmbeddings: Module {
    let positionEmbeddings: Parameter
    let hybridModel: ResNetV2
    let patchEmbeddings: Conv2d
    private let dropout: Dropout

    init(width: Int, tokens: Int, dropout: Double) {
        positionEmbeddings = Parameter(constant: 0, [1, tokens, width])
        hybridModel = ResNetV2()
        patchEmbeddings = Conv2d(1024, width, kernel: 1)
        self.dropout = Dropout(dropout)
    }

    func callAsFunction(_ x: Tensor) -> (tokens: Tensor, skips: [Tensor]) {
        let (map, skips) = hybridModel(x)
        return (dropout(patchEmbeddings(map).tokens + positionEmbeddings.value), skips)
    }
}

/// Big Transfer's ResNet-50 (arXiv:1912.11370) up to its third block, with standardized kernels.
final class ResNetV2: Module {
    let root: ResNetV2Root
    let body: ResNetV2Body

    override init() {
        root = ResNetV2Root()
        body = ResNetV2Body()
    }

    /// - Parameter x: `[B, 3, S, S]`.
    /// - Returns: 1024 channels at 1/16 of the resolution, and maps of 512, 256 and 64 channels at
    ///   1/8, 1/4 and 1/2.
    func callAsFunction(_ x: Tensor) -> (map: Tensor, skips: [Tensor]) {
        let first = root(x)
        // Without padding, the map is one row and one column smaller than a quarter.
        let block1 = body.block1(maxPool2d(first, size: 3, stride: 2))
        let missing = first.size(2) / 2 - block1.size(2)
        let block2 = body.block2(block1)
        return (
            body.block3(block2), [block2, block1.padded([0, missing, 0, missing]), first]
        )
    }
}

/// A convolution with standardized kernels, without bias.
final class StandardizedConvolution: Module, Layer {
    let weight: Parameter
    private let stride: Int
    private let kernels = CachedTensor()
    private static let epsilon = 1e-5

    init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) {
        weight = Parameter(
            uniform: [outputs, inputs, kernel, kernel], fanIn: inputs * kernel * kernel)
        self.stride = stride
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let weight = weight.value
        let standardized = kernels.value(of: [weight]) {
            let centred = weight - weight.mean(axes: [1, 2, 3], keepingAxes: true)
            let variance = (centred * centred).mean(axes: [1, 2, 3], keepingAxes: true)
            return centred / (variance + Self.epsilon).squareRoot()
        }
        return convolution2d(
            x, weight: standardized, stride: stride, padding: weight.size(2) / 2)
    }
}

/// The first convolution.
final class ResNetV2Root: Module, Layer {
    let conv: StandardizedConvolution
    let gn: GroupNorm

    override init() {
        conv = StandardizedConvolution(3, 64, kernel: 7, stride: 2)
        gn = GroupNorm(32, 64, epsilon: 1e-6)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(gn(conv(x)))
    }
}

/// The three blocks of bottlenecks.
final class ResNetV2Body: Module {
    let block1: ResNetV2Block
    let block2: ResNetV2Block
    let block3: ResNetV2Block

    override init() {
        block1 = ResNetV2Block(64, inside: 64, 256, count: 3, stride: 1)
        block2 = ResNetV2Block(256, inside: 128, 512, count: 4, stride: 2)
        block3 = ResNetV2Block(512, inside: 256, 1024, count: 9, stride: 2)
    }
}

/// Bottlenecks in a row; in a checkpoint, their names are `unit` and a number from 1.
final class ResNetV2Block: Module, Layer {
    private let units: [Bottleneck]

    init(_ inputs: Int, inside: Int, _ outputs: Int, count: Int, stride: Int) {
        units = (0..<count).map { index in
            Bottleneck(
                index == 0 ? inputs : outputs, inside: inside, outputs,
                stride: index == 0 ? stride : 1, hasProjection: index == 0)
        }
    }

    override var members: [(name: String, member: Member)] {
        units.enumerated().map { ("unit\($0.offset + 1)", .module($0.element)) }
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        units.reduce(x) { $1($0) }
    }
}

/// Three convolutions beside a shortcut, with group norms.
final class Bottleneck: Module, Layer {
    let gn1: GroupNorm
    let conv1: StandardizedConvolution
    let gn2: GroupNorm
    let conv2: StandardizedConvolution
    let gn3: GroupNorm
    let conv3: StandardizedConvolution
    let downsample: StandardizedConvolution?
    let gnProj: GroupNorm?

    init(_ inputs: Int, inside: Int, _ outputs: Int, stride: Int, hasProjection: Bool) {
        gn1 = GroupNorm(32, inside, epsilon: 1e-6)
        conv1 = StandardizedConvolution(inputs, inside, kernel: 1)
        gn2 = GroupNorm(32, inside, epsilon: 1e-6)
        conv2 = StandardizedConvolution(inside, inside, kernel: 3, stride: stride)
        gn3 = GroupNorm(32, outputs, epsilon: 1e-6)
        conv3 = StandardizedConvolution(inside, outputs, kernel: 1)
        downsample =
            hasProjection
            ? StandardizedConvolution(inputs, outputs, kernel: 1, stride: stride) : nil
        // One channel in each group.
        gnProj = hasProjection ? GroupNorm(outputs, outputs, epsilon: 1e-5) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let inside = relu(gn2(conv2(relu(gn1(conv1(x))))))
        var shortcut = x
        if let downsample, let gnProj { shortcut = gnProj(downsample(x)) }
        return relu(gn3(conv3(inside)) + shortcut)
    }
}

/// The layers of ViT-B.
final class TransUNetEncoder: Module, Layer {
    let layer: [TransUNetLayer]
    let encoderNorm: LayerNorm

    init(width: Int, depth: Int, dropout: Double) {
        layer = (0..<depth).map { _ in TransUNetLayer(width: width, dropout: dropout) }
        encoderNorm = LayerNorm(width, epsilon: 1e-6)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        encoderNorm(layer.reduce(x) { $1($0) })
    }
}

/// Attention and MLP, each with a norm in front.
final class TransUNetLayer: Module, Layer {
    let attentionNorm: LayerNorm
    let ffnNorm: LayerNorm
    let ffn: TransUNetMLP
    let attn: TransUNetAttention

    init(width: Int, dropout: Double) {
        attentionNorm = LayerNorm(width, epsilon: 1e-6)
        ffnNorm = LayerNorm(width, epsilon: 1e-6)
        ffn = TransUNetMLP(width, dropout: dropout)
        attn = TransUNetAttention(width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = x + attn(attentionNorm(x))
        return mixed + ffn(ffnNorm(mixed))
    }
}

/// Attention with separate layers for query, key and value.
final class TransUNetAttention: Module, Layer {
    let query: Linear
    let key: Linear
    let value: Linear
    let out: Linear
    private static let heads = 12

    init(_ width: Int) {
        query = Linear(width, width)
        key = Linear(width, width)
        value = Linear(width, width)
        out = Linear(width, width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let scale = 1 / Double(x.size(2) / Self.heads).squareRoot()
        return out(
            attention(
                query: query(x).splitHeads(Self.heads) * scale,
                key: key(x).splitHeads(Self.heads), value: value(x).splitHeads(Self.heads)))
    }
}

/// Two linear layers with GELU and dropout.
final class TransUNetMLP: Module, Layer {
    let fc1: Linear
    let fc2: Linear
    private let dropout: Dropout

    init(_ width: Int, dropout: Double) {
        fc1 = Linear(width, 4 * width)
        fc2 = Linear(4 * width, width)
        self.dropout = Dropout(dropout)
        super.init()
        // The authors' biases are not zero, but have a deviation of a millionth.
        setToXavierUniform()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        dropout(fc2(dropout(fc1(x, activation: .gelu))))
    }
}

/// The decoder: four blocks that enlarge the map.
final class TransUNetDecoder: Module {
    let convMore: Sequential
    let blocks: [TransUNetDecoderBlock]

    override init() {
        convMore = convolutionNormReLU(768, 512)
        blocks = [
            TransUNetDecoderBlock(512 + 512, 256), TransUNetDecoderBlock(256 + 256, 128),
            TransUNetDecoderBlock(128 + 64, 64), TransUNetDecoderBlock(64, 16),
        ]
    }

    /// - Parameters:
    ///   - x: `[B, 768, H, W]`.
    ///   - skips: maps of twice, four and eight times the resolution.
    /// - Returns: `[B, 16, 16 H, 16 W]`.
    func callAsFunction(_ x: Tensor, skips: [Tensor]) -> Tensor {
        var map = convMore(x)
        for (index, block) in blocks.enumerated() {
            let larger = map.enlarged(by: 2)
            map = block(
                index < skips.count ? .concatenate([larger, skips[index]], axis: 1) : larger)
        }
        return map
    }
}

/// Twice 3x3 convolution, batch norm and ReLU.
final class TransUNetDecoderBlock: Module, Layer {
    let conv1: Sequential
    let conv2: Sequential

    init(_ inputs: Int, _ outputs: Int) {
        conv1 = convolutionNormReLU(inputs, outputs)
        conv2 = convolutionNormReLU(outputs, outputs)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        conv2(conv1(x))
    }
}
