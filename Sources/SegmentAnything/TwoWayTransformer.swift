import Segmentation
import Torch
import TorchNN

/// SAM's two-way transformer: prompt tokens and image attend to each other.
public final class TwoWayTransformer: Module {
    let layers: [TwoWayAttentionBlock]
    let finalAttnTokenToImage: DecoderAttention
    let normFinalAttn: LayerNorm

    /// - Parameters:
    ///   - depth: number of blocks.
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - mlpWidth: width inside the blocks' MLP.
    ///   - form: how the tensors are named.
    public init(
        depth: Int = 2, width: Int = 256, heads: Int = 8, mlpWidth: Int = 2048,
        form: SAMTensorForm = .sam
    ) {
        layers = (0..<depth).map { index in
            TwoWayAttentionBlock(
                width: width, heads: heads, mlpWidth: mlpWidth, isFirst: index == 0, form: form)
        }
        finalAttnTokenToImage = DecoderAttention(width: width, heads: heads, downsampling: 2)
        normFinalAttn = LayerNorm(width)
    }

    /// - Parameters:
    ///   - image: image embedding, `[B, D, H, W]`.
    ///   - positions: encoding of its cells, `[1, D, H, W]`.
    ///   - tokens: prompt and output tokens, `[B, T, D]`.
    /// - Returns: tokens, `[B, T, D]`, and image, `[B, H W, D]`, after attention.
    func callAsFunction(
        image: Tensor, positions: Tensor, tokens: Tensor
    ) -> (tokens: Tensor, image: Tensor) {
        let positions = positions.flattened(from: 2).transposed(1, 2)
        var keys = image.flattened(from: 2).transposed(1, 2)
        var queries = tokens
        for layer in layers {
            (queries, keys) = layer(
                queries: queries, keys: keys, queryPositions: tokens, keyPositions: positions)
        }
        let attended = finalAttnTokenToImage(
            query: queries + tokens, key: keys + positions, value: keys)
        return (normFinalAttn(queries + attended), keys)
    }
}

/// One block: tokens to themselves, tokens to image, an MLP on tokens, image to tokens.
final class TwoWayAttentionBlock: Module {
    let selfAttn: DecoderAttention
    let norm1: LayerNorm
    let crossAttnTokenToImage: DecoderAttention
    let norm2: LayerNorm
    let mlp: TokenMLP
    let norm3: LayerNorm
    let norm4: LayerNorm
    let crossAttnImageToToken: DecoderAttention
    let isFirst: Bool
    /// Whether positions stay in the tokens and the first block has a skip connection, as in the
    /// Medical SAM Adapter of 2025.
    let keepsPositions: Bool

    /// - Parameters:
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - mlpWidth: width inside the MLP.
    ///   - isFirst: whether this is the first block, in which queries have no added positions.
    ///   - form: how the tensors are named, which says whose block it is.
    init(width: Int, heads: Int, mlpWidth: Int, isFirst: Bool, form: SAMTensorForm) {
        selfAttn = DecoderAttention(width: width, heads: heads)
        norm1 = LayerNorm(width)
        crossAttnTokenToImage = DecoderAttention(width: width, heads: heads, downsampling: 2)
        norm2 = LayerNorm(width)
        mlp =
            form == .msa
            ? RenamedTokenMLP(width: width, inside: mlpWidth)
            : TokenMLP(width: width, inside: mlpWidth)
        norm3 = LayerNorm(width)
        norm4 = LayerNorm(width)
        crossAttnImageToToken = DecoderAttention(width: width, heads: heads, downsampling: 2)
        self.isFirst = isFirst
        keepsPositions = form == .msa
    }

    /// - Parameters:
    ///   - queries: tokens, `[B, T, D]`.
    ///   - keys: image, `[B, H W, D]`.
    ///   - queryPositions: added to tokens that attend, `[B, T, D]`.
    ///   - keyPositions: added to the image when it attends, `[1, H W, D]`.
    /// - Returns: tokens and image, of the same shapes.
    func callAsFunction(
        queries: Tensor, keys: Tensor, queryPositions: Tensor, keyPositions: Tensor
    ) -> (Tensor, Tensor) {
        let placed = isFirst ? queries : queries + queryPositions
        let values = keepsPositions ? placed : queries
        let attended = selfAttn(query: placed, key: placed, value: values)
        var queries = norm1(isFirst && !keepsPositions ? attended : values + attended)

        let placedKeys = keys + keyPositions
        queries = norm2(
            queries
                + crossAttnTokenToImage(
                    query: queries + queryPositions, key: placedKeys, value: keys))
        queries = norm3(queries + mlp(queries))
        let fromTokens = crossAttnImageToToken(
            query: placedKeys, key: queries + queryPositions, value: queries)
        return (queries, norm4(keys + fromTokens))
    }
}

/// Two linear layers with ReLU between.
class TokenMLP: Module, Layer {
    let lin1: Linear
    let lin2: Linear

    /// - Parameters:
    ///   - width: channels in and out.
    ///   - inside: channels between.
    init(width: Int, inside: Int) {
        lin1 = Linear(width, inside)
        lin2 = Linear(inside, width)
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        lin2(relu(lin1(x)))
    }
}

/// The same layers with the names of the Medical SAM Adapter of 2025.
final class RenamedTokenMLP: TokenMLP {
    override class var checkpointNames: [String: String] {
        ["lin1": "layers.0.0", "lin2": "fc"]
    }
}

/// Attention that can be narrower inside than outside: the decoder's.
final class DecoderAttention: Module {
    let qProj: Linear
    let kProj: Linear
    let vProj: Linear
    let outProj: Linear
    let heads: Int

    /// - Parameters:
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - downsampling: factor by which the width is reduced inside.
    init(width: Int, heads: Int, downsampling: Int = 1) {
        let inside = width / downsampling
        precondition(inside % heads == 0, "\(heads) heads do not divide a width of \(inside)")
        qProj = Linear(width, inside)
        kProj = Linear(width, inside)
        vProj = Linear(width, inside)
        outProj = Linear(inside, width)
        self.heads = heads
    }

    /// - Parameters:
    ///   - query: `[B, T, D]`.
    ///   - key: `[B, S, D]`.
    ///   - value: `[B, S, D]`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
        let attended = scaledDotProductAttention(
            query: qProj(query).splitHeads(heads), key: kProj(key).splitHeads(heads),
            value: vProj(value).splitHeads(heads))
        return outProj(attended.transposed(1, 2).flattened(from: 2))
    }
}
