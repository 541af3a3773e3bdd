import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// Swin-Unet (arXiv:2105.05537): a U-Net of Swin Transformer blocks.
public final class SwinUNet: Module, TaskNetwork {
    let swinUnet: SwinUNetLayers
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int
    /// Height and width of the input in pixels.
    public let inputSize: Int

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - inputSize: height and width of the input; a window has a 32nd of it. The published
    ///     weights have 224.
    ///   - dropPath: share of the samples whose last block is left out in training.
    ///   - outputs: channels of the logits.
    public init(inputSize: Int = 256, dropPath: Double = 0.2, outputs: Int = 1) {
        self.outputs = outputs
        self.inputSize = inputSize
        swinUnet = SwinUNetLayers(
            side: inputSize / 4, window: inputSize / 32, dropPath: dropPath,
            outputs: outputs)
        super.init()
        setToNormal()
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .swinUNet }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        SwinUNet(inputSize: configuration.inputSize, outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`.
    /// - Returns: logits, `[B, outputs, S, S]`.
    public func logits(_ images: Tensor) -> Tensor {
        swinUnet(images.repeatedChannels)
    }
}

/// The layers of Swin-Unet.
final class SwinUNetLayers: Module, Layer {
    let patchEmbed: SwinPatchEmbedding
    let layers: [SwinStage]
    let layersUp: Sequential
    let concatBackDim: Sequential
    let norm: LayerNorm
    let normUp: LayerNorm
    let up: PatchExpansion
    let output: Conv2d
    private let side: Int

    /// - Parameters:
    ///   - side: height and width of the map of tokens.
    ///   - window: height and width of a window.
    ///   - dropPath: of the last block of the encoder.
    ///   - outputs: channels of the logits.
    init(side: Int, window: Int, dropPath: Double, outputs: Int) {
        let (widths, heads) = ([96, 192, 384, 768], [3, 6, 12, 24])
        let rates = (0..<8).map { Double($0) / 7 * dropPath }
        func blocks(_ stage: Int) -> [SwinBlock] {
            (0..<2).map { index in
                SwinBlock(
                    width: widths[stage], side: side >> stage, heads: heads[stage],
                    window: window, isShifted: index == 1, dropPath: rates[2 * stage + index],
                    mlp: VisionTransformerMLP(width: widths[stage], inside: 4 * widths[stage]))
            }
        }
        patchEmbed = SwinPatchEmbedding(96)
        layers = (0..<4).map { stage in
            SwinStage(
                blocks(stage),
                downsample: stage < 3 ? PatchMerging(widths[stage], side: side >> stage) : nil)
        }
        let deepest = PatchExpansion(768, side: side / 8, factor: 2, outputs: 384)
        let stagesUp = [2, 1, 0].map { stage in
            SwinStageUp(
                blocks(stage),
                upsample: stage > 0
                    ? PatchExpansion(
                        widths[stage], side: side >> stage, factor: 2,
                        outputs: widths[stage] / 2) : nil)
        }
        layersUp = Sequential(list: [deepest] + stagesUp)
        concatBackDim = Sequential(
            Identity(), Linear(768, 384), Linear(384, 192), Linear(192, 96))
        norm = LayerNorm(768)
        normUp = LayerNorm(96)
        up = PatchExpansion(96, side: side, factor: 4, outputs: 96)
        output = Conv2d(96, outputs, kernel: 1, bias: false)
        self.side = side
    }

    /// - Parameter x: `[B, 3, 4 side, 4 side]`.
    /// - Returns: logits, `[B, outputs, 4 side, 4 side]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        var tokens = patchEmbed(x)
        var skips: [Tensor] = []
        for layer in layers {
            skips.append(tokens)
            tokens = layer(tokens)
        }
        tokens = norm(tokens)
        for (index, layer) in layersUp.layers.enumerated() {
            if index > 0 {
                tokens = concatBackDim.layers[index](
                    .concatenate([tokens, skips[3 - index]], axis: 2))
            }
            tokens = layer(tokens)
        }
        return output(up(normUp(tokens)).map(height: 4 * side, width: 4 * side))
    }
}

/// The tokens of patches of 4x4 pixels.
final class SwinPatchEmbedding: Module, Layer {
    let proj: Conv2d
    let norm: LayerNorm

    init(_ width: Int) {
        proj = Conv2d(3, width, kernel: 4, stride: 4)
        norm = LayerNorm(width)
    }

    /// - Parameter x: `[B, 3, H, W]`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        norm(proj(x).tokens)
    }
}

/// Blocks of the encoder, and the merging of patches where there is one.
final class SwinStage: Module, Layer {
    let blocks: [SwinBlock]
    let downsample: PatchMerging?

    init(_ blocks: [SwinBlock], downsample: PatchMerging?) {
        self.blocks = blocks
        self.downsample = downsample
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = blocks.reduce(x) { $1($0) }
        return downsample?(y) ?? y
    }
}

/// Blocks of the decoder, and the expansion of patches where there is one.
final class SwinStageUp: Module, Layer {
    let blocks: [SwinBlock]
    let upsample: PatchExpansion?

    init(_ blocks: [SwinBlock], upsample: PatchExpansion?) {
        self.blocks = blocks
        self.upsample = upsample
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = blocks.reduce(x) { $1($0) }
        return upsample?(y) ?? y
    }
}

/// Joins 2x2 neighbouring tokens to one of twice the width.
final class PatchMerging: Module, Layer {
    let reduction: Linear
    let norm: LayerNorm
    private let side: Int

    /// - Parameters:
    ///   - width: width of the tokens, C.
    ///   - side: height and width of the map.
    init(_ width: Int, side: Int) {
        reduction = Linear(4 * width, 2 * width, bias: false)
        norm = LayerNorm(4 * width)
        self.side = side
    }

    /// - Parameter x: `[B, side side, C]`.
    /// - Returns: `[B, side side / 4, 2 C]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let (batch, width, half) = (x.size(0), x.size(2), side / 2)
        // The neighbours of a column come one after the other.
        let joined = x.reshaped([batch, half, 2, half, 2, width])
            .permuted([0, 1, 3, 4, 2, 5])
            .reshaped([batch, half * half, 4 * width])
        return reduction(norm(joined))
    }
}

/// Splits each token into several: the inverse of merging.
final class PatchExpansion: Module, Layer {
    let expand: Linear
    let norm: LayerNorm
    private let side: Int
    private let factor: Int
    private let outputs: Int

    /// - Parameters:
    ///   - inputs: width of the tokens.
    ///   - side: height and width of the map.
    ///   - factor: by which height and width grow, F.
    ///   - outputs: width of the new tokens, D.
    init(_ inputs: Int, side: Int, factor: Int, outputs: Int) {
        expand = Linear(inputs, factor * factor * outputs, bias: false)
        norm = LayerNorm(outputs)
        (self.side, self.factor, self.outputs) = (side, factor, outputs)
    }

    /// - Parameter x: `[B, side side, inputs]`.
    /// - Returns: `[B, F F side side, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let batch = x.size(0)
        let pixels = expand(x).reshaped([batch, side, side, factor, factor, outputs])
            .permuted([0, 1, 3, 2, 4, 5])
            .reshaped([batch, side * factor * side * factor, outputs])
        return norm(pixels)
    }
}
