import Torch
import TorchNN

/// The masks of B sets of prompts.
public struct DecodedMasks {
    /// Logits, `[B, M, 4 H, 4 W]`.
    public let logits: Tensor
    /// Estimates of the IoU, `[B, M]`.
    public let iou: Tensor
    /// Logit of whether there is an object at the prompt, `[B, 1]`; nil for a network without a
    /// presence head.
    public let presence: Tensor?

    /// The masks of B sets of prompts.
    ///
    /// - Parameters:
    ///   - logits: `[B, M, 4 H, 4 W]`.
    ///   - iou: estimates of the IoU, `[B, M]`.
    ///   - presence: logit of whether there is an object, `[B, 1]`.
    public init(logits: Tensor, iou: Tensor, presence: Tensor? = nil) {
        self.logits = logits
        self.iou = iou
        self.presence = presence
    }

    /// The mask of each set of prompts with the highest estimate of the IoU, `[B, 1, 4 H, 4 W]`.
    public var best: DecodedMasks {
        let index = iou.detached().argmax(axis: 1, keepingAxis: true)
        let plane = [-1, -1, logits.size(2), logits.size(3)]
        return DecodedMasks(
            logits: logits.gathered(
                at: index.reshaped([-1, 1, 1, 1]).expanded(plane), axis: 1),
            iou: iou.gathered(at: index, axis: 1), presence: presence)
    }
}

/// SAM's mask decoder: image embedding and prompts in, mask logits and IoU estimates out.
///
/// An embedding with more than D channels carries fine features behind the first D, as
/// ``packed(_:by:)`` packs them: D / 4 channels at twice the resolution of the embedding and D / 8
/// channels at four times. They are added where the mask has the same resolution, as SAM 2 does
/// (arXiv:2408.00714).
public final class MaskDecoder: Module {
    let transformer: TwoWayTransformer
    let iouToken: Embedding
    let maskTokens: Embedding
    let outputUpscaling: Sequential
    let outputHypernetworksMlps: [MLP]
    let iouPredictionHead: MLP
    package let presenceHead: MLP?

    /// - Parameters:
    ///   - width: width of tokens and embedding, D.
    ///   - transformer: mixes tokens and image.
    ///   - candidates: number of masks for an ambiguous prompt.
    ///   - iouDepth: layers of the head that estimates IoU.
    ///   - iouWidth: width inside that head.
    ///   - hasPresence: whether a head estimates that there is an object at the prompt.
    public init(
        width: Int = 256, transformer: TwoWayTransformer = TwoWayTransformer(),
        candidates: Int = 3, iouDepth: Int = 3, iouWidth: Int = 256,
        hasPresence: Bool = false
    ) {
        self.transformer = transformer
        iouToken = Embedding(1, width)
        // The first token is that of the single mask for an unambiguous prompt.
        maskTokens = Embedding(candidates + 1, width)
        outputUpscaling = Sequential(
            ConvTranspose2d(width, width / 4, kernel: 2, stride: 2),
            LayerNorm2d(width / 4),
            GELU(),
            ConvTranspose2d(width / 4, width / 8, kernel: 2, stride: 2),
            GELU())
        outputHypernetworksMlps = (0...candidates).map { _ in
            MLP(width, inside: width, outputs: width / 8, depth: 3)
        }
        iouPredictionHead = MLP(
            width, inside: iouWidth, outputs: candidates + 1, depth: iouDepth)
        presenceHead = hasPresence ? MLP(width, inside: width, outputs: 1, depth: 3) : nil
    }

    /// Whether a head estimates that there is an object at the prompt.
    public var hasPresence: Bool { presenceHead != nil }

    /// The output tokens: the IoU token, then one token for each mask, `[T, D]`.
    public var outputTokens: Tensor {
        .concatenate([iouToken.table, maskTokens.table])
    }

    /// Decodes B sets of prompts on one image.
    ///
    /// - Parameters:
    ///   - image: image embedding, `[1, D, H, W]` or `[B, D, H, W]`, or with fine features packed
    ///     behind its D channels.
    ///   - positions: encoding of its cells, `[1, D, H, W]`.
    ///   - sparse: prompt tokens, `[B, T, D]`.
    ///   - dense: added to the embedding, `[B, D, H, W]`.
    ///   - multimask: whether to give the candidates instead of the single mask.
    /// - Returns: M masks for each set of prompts; M is 1 or the number of candidates.
    public func callAsFunction(
        image: Tensor, positions: Tensor, sparse: Tensor, dense: Tensor, multimask: Bool
    ) -> DecodedMasks {
        let every = all(image: image, positions: positions, sparse: sparse, dense: dense)
        let taken = multimask ? 1..<maskTokens.table.size(0) : 0..<1
        return DecodedMasks(
            logits: every.logits[.all, taken], iou: every.iou[.all, taken],
            presence: every.presence)
    }

    /// The same with all masks: the single one first, then the candidates.
    ///
    /// - Parameters:
    ///   - image: image embedding, `[1, D, H, W]` or `[B, D, H, W]`, or with fine features packed
    ///     behind its D channels.
    ///   - positions: encoding of its cells, `[1, D, H, W]`.
    ///   - sparse: prompt tokens, `[B, T, D]`; nil for none.
    ///   - dense: added to the embedding, `[B, D, H, W]`.
    /// - Returns: all masks of each set of prompts.
    public func all(
        image: Tensor, positions: Tensor, sparse: Tensor?, dense: Tensor
    ) -> DecodedMasks {
        let batch = (sparse ?? image).size(0)
        let own = outputTokens.unsqueezed(0).expanded([batch, -1, -1])
        let tokens = sparse.map { .concatenate([own, $0], axis: 1) } ?? own
        let width = tokens.size(2)
        let hasFineFeatures = image.size(1) > width
        let source = (hasFineFeatures ? image[.all, 0..<width] : image) + dense
        let (mixed, seen) = transformer(image: source, positions: positions, tokens: tokens)

        let masks = maskTokens.table.size(0)
        let coarse = seen.transposed(1, 2).reshaped([batch, -1, source.size(2), source.size(3)])
        let features =
            hasFineFeatures
            ? upscale(coarse, adding: image[.all, width...]) : outputUpscaling(coarse)
        let hypernetworks = Tensor.stack(
            (0..<masks).map { outputHypernetworksMlps[$0](mixed[.all, 1 + $0]) }, axis: 1)
        let logits = hypernetworks.matmul(features.flattened(from: 2))
            .reshaped([batch, masks, features.size(2), features.size(3)])
        return DecodedMasks(
            logits: logits, iou: iouPredictionHead(mixed[.all, 0]),
            presence: presenceHead?(mixed[.all, 0]))
    }

    /// The upscaling with fine features added before each activation.
    private func upscale(_ coarse: Tensor, adding fine: Tensor) -> Tensor {
        let layers = outputUpscaling.layers
        let width = coarse.size(1)
        let half = Self.unpacked(fine[.all, 0..<width], by: 2)
        let quarter = Self.unpacked(fine[.all, width...], by: 4)
        let first = layers[2](layers[1](layers[0](coarse) + half))
        return layers[4](layers[3](first) + quarter)
    }

    /// Features at a multiple of the embedding's resolution, packed into channels of its own
    /// resolution.
    ///
    /// - Parameters:
    ///   - features: `[B, C, F H, F W]`.
    ///   - factor: F.
    /// - Returns: `[B, C F F, H, W]`.
    public static func packed(_ features: Tensor, by factor: Int) -> Tensor {
        let (batch, channels) = (features.size(0), features.size(1))
        let (height, width) = (features.size(2) / factor, features.size(3) / factor)
        return
            features
            .reshaped([batch, channels, height, factor, width, factor])
            .permuted([0, 1, 3, 5, 2, 4])
            .reshaped([batch, channels * factor * factor, height, width])
    }

    /// The inverse of ``packed(_:by:)``.
    ///
    /// - Parameters:
    ///   - packed: `[B, C F F, H, W]`.
    ///   - factor: F.
    /// - Returns: `[B, C, F H, F W]`.
    public static func unpacked(_ packed: Tensor, by factor: Int) -> Tensor {
        let (batch, height, width) = (packed.size(0), packed.size(2), packed.size(3))
        return
            packed
            .reshaped([batch, -1, factor, factor, height, width])
            .permuted([0, 1, 4, 2, 5, 3])
            .reshaped([batch, -1, factor * height, factor * width])
    }
}

/// Linear layers with ReLU between them.
package final class MLP: Module, Layer {
    let layers: [Linear]

    /// - Parameters:
    ///   - inputs: width of the input.
    ///   - inside: width between layers.
    ///   - outputs: width of the output.
    ///   - depth: number of layers.
    init(_ inputs: Int, inside: Int, outputs: Int, depth: Int) {
        let widths = [inputs] + [Int](repeating: inside, count: depth - 1) + [outputs]
        layers = zip(widths, widths.dropFirst()).map { Linear($0, $1) }
    }

    /// - Parameter x: `[..., inputs]`.
    /// - Returns: `[..., outputs]`.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        layers.dropFirst().reduce(layers[0](x)) { $1(relu($0)) }
    }
}
