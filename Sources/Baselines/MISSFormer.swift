import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// MISSFormer (arXiv:2109.07162): a hierarchical transformer as encoder and decoder, and a bridge of
/// transformers over all four resolutions.
///
/// Norms that are never used, and a layer and two blocks of the deepest decoder stage, are in its
/// checkpoints, and here too.
public final class MISSFormer: Module, TaskNetwork {
    let backbone: MISSFormerEncoder
    let bridge: MISSFormerBridge
    let decoder3: MISSFormerDecoderStage
    let decoder2: MISSFormerDecoderStage
    let decoder1: MISSFormerDecoderStage
    let decoder0: MISSFormerDecoderStage
    private let side: Int
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// Channels of the four maps, and the factors by which keys and values are reduced.
    static let widths = [64, 128, 320, 512]
    static let heads = [1, 2, 5, 8]
    static let reductions = [8, 4, 2, 1]

    /// The authors' names.
    public override class var checkpointNames: [String: String] {
        [
            "decoder3": "decoder_3", "decoder2": "decoder_2", "decoder1": "decoder_1",
            "decoder0": "decoder_0",
        ]
    }

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - inputSize: height and width of the input in pixels, which no weight depends on; divisible
    ///     by 32. The published weights were trained at 224.
    ///   - outputs: channels of the logits.
    public init(inputSize: Int = 256, outputs: Int = 1) {
        self.outputs = outputs
        let side = inputSize / 4
        self.side = side
        let sides = (0..<4).map { side >> $0 }
        backbone = MISSFormerEncoder(sides: sides)
        bridge = MISSFormerBridge(sides: sides)
        let widths = Self.widths
        // The deepest stage enlarges the map only.
        decoder3 = MISSFormerDecoderStage(
            3, joined: 1024, side: sides[3], factor: 2, outputs: widths[3] / 2)
        decoder2 = MISSFormerDecoderStage(
            2, joined: 256 + widths[2], side: sides[2], factor: 2, outputs: widths[2] / 2)
        decoder1 = MISSFormerDecoderStage(
            1, joined: 160 + widths[1], side: sides[1], factor: 2, outputs: widths[1] / 2)
        decoder0 = MISSFormerDecoderStage(
            0, joined: 64 + widths[0], side: sides[0], factor: 4, outputs: widths[0],
            logits: outputs)
        super.init()
        for stage in [decoder3, decoder2, decoder1, decoder0] { stage.setToXavierUniform() }
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .missFormer }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        MISSFormer(inputSize: configuration.inputSize, outputs: configuration.outputs)
    }

    /// Height and width of the input in pixels.
    public var inputSize: Int { 4 * side }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`.
    /// - Returns: logits, `[B, outputs, S, S]`.
    public func logits(_ images: Tensor) -> Tensor {
        let maps = bridge(backbone(images.repeatedChannels))
        let d3 = decoder3.layerUp(maps[3])
        let d2 = decoder2(d3, skip: maps[2])
        let d1 = decoder1(d2, skip: maps[1])
        let d0 = decoder0(d1, skip: maps[0])
        guard let lastLayer = decoder0.lastLayer else {
            preconditionFailure("the last stage has the layer of the logits")
        }
        return lastLayer(d0.map(height: inputSize, width: inputSize))
    }
}

/// The encoder: four stages of two blocks.
final class MISSFormerEncoder: Module {
    let patchEmbed1: OverlappingPatchEmbedding
    let patchEmbed2: OverlappingPatchEmbedding
    let patchEmbed3: OverlappingPatchEmbedding
    let patchEmbed4: OverlappingPatchEmbedding
    let block1: [MISSFormerBlock]
    let norm1: LayerNorm
    let block2: [MISSFormerBlock]
    let norm2: LayerNorm
    let block3: [MISSFormerBlock]
    let norm3: LayerNorm
    let block4: [MISSFormerBlock]
    let norm4: LayerNorm
    private let sides: [Int]

    init(sides: [Int]) {
        let widths = MISSFormer.widths
        func blocks(_ stage: Int) -> [MISSFormerBlock] {
            (0..<2).map { _ in MISSFormerBlock(stage, side: sides[stage]) }
        }
        patchEmbed1 = OverlappingPatchEmbedding(3, widths[0], kernel: 7, stride: 4)
        patchEmbed2 = OverlappingPatchEmbedding(widths[0], widths[1], kernel: 3, stride: 2)
        patchEmbed3 = OverlappingPatchEmbedding(widths[1], widths[2], kernel: 3, stride: 2)
        patchEmbed4 = OverlappingPatchEmbedding(widths[2], widths[3], kernel: 3, stride: 2)
        (block1, block2, block3, block4) = (blocks(0), blocks(1), blocks(2), blocks(3))
        norm1 = LayerNorm(widths[0])
        norm2 = LayerNorm(widths[1])
        norm3 = LayerNorm(widths[2])
        norm4 = LayerNorm(widths[3])
        self.sides = sides
    }

    /// - Parameter x: `[B, 3, S, S]`.
    /// - Returns: tokens of four maps, `[B, T, C]` each.
    func callAsFunction(_ x: Tensor) -> [Tensor] {
        let embeddings = [patchEmbed1, patchEmbed2, patchEmbed3, patchEmbed4]
        let blocks = [block1, block2, block3, block4]
        let norms = [norm1, norm2, norm3, norm4]
        var map = x
        return (0..<4).map { stage in
            let tokens = norms[stage](blocks[stage].reduce(embeddings[stage](map)) { $1($0) })
            map = tokens.map(height: sides[stage], width: sides[stage])
            return tokens
        }
    }
}

/// A convolution whose kernels overlap, and a norm of each token.
final class OverlappingPatchEmbedding: Module, Layer {
    let proj: Conv2d
    let norm: LayerNorm

    init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int) {
        proj = Conv2d(inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2)
        norm = LayerNorm(outputs)
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        norm(proj(x).tokens)
    }
}

/// Attention to a reduced map, and an MLP with a depthwise convolution.
final class MISSFormerBlock: Module, Layer {
    let norm1: LayerNorm
    let attn: ReducedAttention
    let norm2: LayerNorm
    let mlp: MixFFN

    /// - Parameters:
    ///   - stage: index of the resolution, from the largest.
    ///   - side: height and width of the map.
    init(_ stage: Int, side: Int) {
        let width = MISSFormer.widths[stage]
        norm1 = LayerNorm(width)
        attn = ReducedAttention(
            width, side: side, heads: MISSFormer.heads[stage],
            reduction: MISSFormer.reductions[stage])
        norm2 = LayerNorm(width)
        mlp = MixFFN(width, side: side)
    }

    /// - Parameter x: `[B, T, C]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = x + attn(norm1(x))
        return mixed + mlp(norm2(mixed))
    }
}

/// Attention of all tokens to those of a smaller map.
final class ReducedAttention: Module, Layer {
    let q: Linear
    let kv: Linear
    let proj: Linear
    let sr: Conv2d?
    let norm: LayerNorm?
    private let heads: Int
    private let side: Int

    init(_ width: Int, side: Int, heads: Int, reduction: Int) {
        q = Linear(width, width)
        kv = Linear(width, 2 * width)
        proj = Linear(width, width)
        sr = reduction > 1 ? Conv2d(width, width, kernel: reduction, stride: reduction) : nil
        norm = reduction > 1 ? LayerNorm(width) : nil
        (self.heads, self.side) = (heads, side)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        var reduced = x
        if let sr, let norm { reduced = norm(sr(x.map(height: side, width: side)).tokens) }
        return proj(crossAttention(q(x), kv(reduced), heads: heads))
    }
}

/// Attention of tokens to others, before the output projection.
///
/// - Parameters:
///   - query: `[B, T, D]`.
///   - joined: key and value, `[B, S, 2 D]`.
///   - heads: number of heads; divides D.
/// - Returns: `[B, T, D]`.
func crossAttention(_ query: Tensor, _ joined: Tensor, heads: Int) -> Tensor {
    let width = query.size(2)
    let parts = joined.split([width, width], axis: 2).map { $0.splitHeads(heads) }
    let scale = 1 / Double(width / heads).squareRoot()
    return attention(query: query.splitHeads(heads) * scale, key: parts[0], value: parts[1])
}

/// An MLP with a depthwise convolution beside a shortcut: the *enhanced mix-FFN*.
final class MixFFN: Module, Layer {
    let fc1: Linear
    let dwconv: DepthwiseConvolution
    let fc2: Linear
    let norm1: LayerNorm
    let norm2: LayerNorm
    let norm3: LayerNorm

    /// - Parameters:
    ///   - width: width of the tokens.
    ///   - side: height and width of the map.
    init(_ width: Int, side: Int) {
        fc1 = Linear(width, 4 * width)
        dwconv = DepthwiseConvolution(4 * width, side: side)
        fc2 = Linear(4 * width, width)
        norm1 = LayerNorm(4 * width)
        // These two are never used.
        norm2 = LayerNorm(4 * width)
        norm3 = LayerNorm(4 * width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let inside = fc1(x)
        return fc2(gelu(norm1(dwconv(inside) + inside)))
    }
}

/// A 3x3 convolution of each channel of a map of tokens.
final class DepthwiseConvolution: Module, Layer {
    let dwconv: Conv2d
    private let side: Int

    init(_ width: Int, side: Int) {
        dwconv = Conv2d(width, width, kernel: 3, padding: 1, groups: width)
        self.side = side
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        dwconv(x.map(height: side, width: side)).tokens
    }
}

/// A stage of the decoder: joins a skip connection, two blocks, enlarging.
final class MISSFormerDecoderStage: Module {
    let concatLinear: Linear
    let layerUp: PatchExpansion
    let lastLayer: Conv2d?
    let layerFormer1: MISSFormerBlock
    let layerFormer2: MISSFormerBlock

    override class var checkpointNames: [String: String] {
        ["layerFormer1": "layer_former_1", "layerFormer2": "layer_former_2"]
    }

    /// - Parameters:
    ///   - stage: index of the resolution, from the largest.
    ///   - joined: width of the tokens with the skip connection.
    ///   - side: height and width of the map.
    ///   - factor: by which the map is enlarged.
    ///   - outputs: width of the enlarged map's tokens.
    ///   - logits: channels of the logits; nil for a stage without their layer.
    init(
        _ stage: Int, joined: Int, side: Int, factor: Int, outputs: Int, logits: Int? = nil
    ) {
        let width = MISSFormer.widths[stage]
        concatLinear = Linear(joined, width)
        layerUp = PatchExpansion(width, side: side, factor: factor, outputs: outputs)
        lastLayer = logits.map { Conv2d(outputs, $0, kernel: 1) }
        layerFormer1 = MISSFormerBlock(stage, side: side)
        layerFormer2 = MISSFormerBlock(stage, side: side)
    }

    /// - Parameters:
    ///   - x: `[B, T, C]`.
    ///   - skip: `[B, T, D]`.
    /// - Returns: tokens of the enlarged map.
    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
        layerUp(layerFormer2(layerFormer1(concatLinear(.concatenate([x, skip], axis: 2)))))
    }
}
