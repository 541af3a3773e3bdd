import Torch
import TorchNN

/// AutoSAMUS's prompt generator: what stands in for the click (arXiv:2309.06824).
///
/// Learned object tokens and the decoder's output tokens attend to each other; the object tokens
/// that this gives, and the output tokens as they were, then attend with the image. The decoder
/// gets the new image and one token as its prompt; it keeps its own output tokens.
public final class PromptGenerator: Module {
    let objectToken: Parameter
    let crossTokenToken: CrossTransformer
    let tokenProj: Linear
    let crossImageToken: CrossTransformer

    /// A generator with new weights; left out, sizes are the authors'.
    ///
    /// - Parameters:
    ///   - width: width of tokens and embedding, D.
    ///   - objectTokens: number of learned tokens, N.
    ///   - depth: layers of each of the two cross transformers.
    ///   - heads: attention heads.
    ///   - headWidth: width of each.
    ///   - mlpWidth: width inside the layers' MLPs.
    public init(
        width: Int = 256, objectTokens: Int = 50, depth: Int = 2, heads: Int = 8,
        headWidth: Int = 64, mlpWidth: Int = 1024
    ) {
        let transformer = {
            CrossTransformer(
                depth: depth, width: width, heads: heads, headWidth: headWidth,
                mlpWidth: mlpWidth)
        }
        objectToken = Parameter(normal: [1, objectTokens, width])
        crossTokenToken = transformer()
        tokenProj = Linear(width, width)
        crossImageToken = transformer()
    }

    /// Finds the object in B image embeddings.
    ///
    /// - Parameters:
    ///   - image: image embedding, `[B, D, H, W]`.
    ///   - outputTokens: the mask decoder's own, `[T, D]`, as `MaskDecoder.outputTokens` gives them.
    /// - Returns: `objectToken`, the sparse prompt, `[B, 1, D]`; `outputTokens`, all other tokens
    ///   after they attended, objects first, `[B, N - 1 + T, D]`; and `image`, `[B, D, H, W]`.
    public func callAsFunction(
        image: Tensor, outputTokens: Tensor
    ) -> (objectToken: Tensor, outputTokens: Tensor, image: Tensor) {
        let output = outputTokens.unsqueezed(0)
        // Without the image all this is the same for every picture of a batch. The output tokens
        // that come back are not used: what only they pass through is never trained.
        let attended = crossTokenToken(objectToken.value, output).first
        let objects = objectToken.value + tokenProj(attended)
        let tokens = Tensor.concatenate([objects, output], axis: 1)
            .expanded([image.size(0), -1, -1])
        let (cells, found) = crossImageToken(image.flattened(from: 2).transposed(1, 2), tokens)
        return (
            found[.all, 0..<1], found[.all, 1...], cells.transposed(1, 2).reshaped(image.shape)
        )
    }
}
