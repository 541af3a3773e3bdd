import Torch
import TorchNN

/// SAM's mask decoder: image embedding and prompts in, mask logits and IoU estimates out.
public final class MaskDecoder: Module {
    let transformer: TwoWayTransformer
    let iouToken: Embedding
    let maskTokens: Embedding
    let outputUpscaling: Sequential
    let outputHypernetworksMlps: [MLP]
    let iouPredictionHead: MLP

    /// - Parameters:
    ///   - width: width of tokens and embedding, D.
    ///   - transformer: mixes tokens and image.
    ///   - candidates: number of masks for an ambiguous prompt.
    ///   - iouDepth: layers of the head that estimates IoU.
    ///   - iouWidth: width inside that head.
    public init(
        width: Int = 256, transformer: TwoWayTransformer = TwoWayTransformer(),
        candidates: Int = 3, iouDepth: Int = 3, iouWidth: Int = 256
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
    }

    /// The output tokens: the IoU token, then one token for each mask, `[T, D]`.
    public var outputTokens: Tensor {
        .concatenate([iouToken.table, maskTokens.table])
    }

    /// Decodes B sets of prompts on one image.
    ///
    /// - Parameters:
    ///   - image: image embedding, `[1, D, H, W]` or `[B, D, H, W]`.
    ///   - positions: encoding of its cells, `[1, D, H, W]`.
    ///   - sparse: prompt tokens, `[B, T, D]`.
    ///   - dense: added to the embedding, `[B, D, H, W]`.
    ///   - multimask: whether to give the candidates instead of the single mask.
    /// - Returns: logits, `[B, M, 4 H, 4 W]`, and IoU estimates, `[B, M]`; M is 1 or the number of
    ///   candidates.
    public func callAsFunction(
        image: Tensor, positions: Tensor, sparse: Tensor, dense: Tensor, multimask: Bool
    ) -> (logits: Tensor, iou: Tensor) {
        let (logits, iou) = all(image: image, positions: positions, sparse: sparse, dense: dense)
        let taken = multimask ? 1..<maskTokens.table.size(0) : 0..<1
        return (logits[.all, taken], iou[.all, taken])
    }

    /// The same with all masks: the single one first, then the candidates.
    ///
    /// - Parameters:
    ///   - image: image embedding, `[1, D, H, W]` or `[B, D, H, W]`.
    ///   - positions: encoding of its cells, `[1, D, H, W]`.
    ///   - sparse: prompt tokens, `[B, T, D]`.
    ///   - dense: added to the embedding, `[B, D, H, W]`.
    /// - Returns: logits, `[B, M, 4 H, 4 W]`, and IoU estimates, `[B, M]`.
    public func all(
        image: Tensor, positions: Tensor, sparse: Tensor, dense: Tensor
    ) -> (logits: Tensor, iou: Tensor) {
        let batch = sparse.size(0)
        let tokens = Tensor.concatenate(
            [outputTokens.unsqueezed(0).expanded([batch, -1, -1]), sparse], axis: 1)
        let source = image + dense
        let (mixed, seen) = transformer(image: source, positions: positions, tokens: tokens)

        let masks = maskTokens.table.size(0)
        let features = outputUpscaling(
            seen.transposed(1, 2).reshaped([batch, -1, source.size(2), source.size(3)]))
        let hypernetworks = Tensor.stack(
            (0..<masks).map { outputHypernetworksMlps[$0](mixed[.all, 1 + $0]) }, axis: 1)
        let logits = hypernetworks.matmul(features.flattened(from: 2))
            .reshaped([batch, masks, features.size(2), features.size(3)])
        return (logits, iouPredictionHead(mixed[.all, 0]))
    }
}

/// Linear layers with ReLU between them.
final class MLP: Module, Layer {
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
    func callAsFunction(_ x: Tensor) -> Tensor {
        layers.dropFirst().reduce(layers[0](x)) { $1(relu($0)) }
    }
}
