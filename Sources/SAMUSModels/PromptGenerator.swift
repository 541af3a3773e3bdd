import Torch
import TorchNN

/// AutoSAMUS's prompt generator, which replaces the click (arXiv:2309.06824).
///
/// Learned object tokens and the decoder's output tokens attend to each other. The resulting object
/// tokens, and the original output tokens, then attend with the image. The decoder gets the new
/// image and one token as its prompt, and uses its own output tokens.
public final class PromptGenerator: Module {
    let objectToken: Parameter
    let crossTokenToken: CrossTransformer
    let tokenProj: Linear
    let crossImageToken: CrossTransformer

    /// Creates a generator with new weights; the default sizes are the authors'.
    ///
    /// - Parameters:
    ///   - width: width of tokens and embedding, D.
    ///   - objectTokens: number of learned tokens, N.
    ///   - depth: layers of each of the two cross transformers.
    ///   - heads: attention heads.
    ///   - headWidth: width of each head.
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
    ///   - outputTokens: the mask decoder's own, `[T, D]`, as `MaskDecoder.outputTokens` gives
    ///     them.
    /// - Returns: `objectToken`, the sparse prompt, `[B, 1, D]`; `outputTokens`, all other tokens
    ///   after they attended, objects first, `[B, N - 1 + T, D]`; and `image`, `[B, D, H, W]`.
    public func callAsFunction(
        image: Tensor, outputTokens: Tensor
    ) -> (objectToken: Tensor, outputTokens: Tensor, image: Tensor) {
        let output = outputTokens.unsqueezed(0)
        // These tokens do not depend on the image. The resulting output tokens are not used, so the
        // weights that only they depend on are never trained.
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

/// Two sets of tokens that attend to each other, layer by layer.
final class CrossTransformer: Module {
    let layers: [CrossTransformerLayer]

    /// - Parameters:
    ///   - depth: number of layers.
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - headWidth: width of each head.
    ///   - mlpWidth: width inside the layers' MLPs.
    init(depth: Int, width: Int, heads: Int, headWidth: Int, mlpWidth: Int) {
        layers = (0..<depth).map { _ in
            CrossTransformerLayer(
                width: width, heads: heads, headWidth: headWidth, mlpWidth: mlpWidth)
        }
    }

    /// - Parameters:
    ///   - first: one set, `[B, T, D]`.
    ///   - second: the other, `[B, S, D]`.
    /// - Returns: both, of the same shapes.
    func callAsFunction(_ first: Tensor, _ second: Tensor) -> (first: Tensor, second: Tensor) {
        layers.reduce((first, second)) { $1($0.0, $0.1) }
    }
}

/// One layer: both sets attend to each other's inputs, then an MLP is applied to each.
final class CrossTransformerLayer: Module {
    let firstAttention: CrossAttention
    let secondAttention: CrossAttention
    let firstFeedForward: PreNormFeedForward
    let secondFeedForward: PreNormFeedForward

    override class var checkpointNames: [String: String] {
        [
            "firstAttention": "0", "secondAttention": "1", "firstFeedForward": "2",
            "secondFeedForward": "3",
        ]
    }

    /// - Parameters:
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - headWidth: width of each head.
    ///   - mlpWidth: width inside the MLPs.
    init(width: Int, heads: Int, headWidth: Int, mlpWidth: Int) {
        firstAttention = CrossAttention(width: width, heads: heads, headWidth: headWidth)
        secondAttention = CrossAttention(width: width, heads: heads, headWidth: headWidth)
        firstFeedForward = PreNormFeedForward(width: width, inside: mlpWidth)
        secondFeedForward = PreNormFeedForward(width: width, inside: mlpWidth)
    }

    /// - Parameters:
    ///   - first: one set, `[B, T, D]`.
    ///   - second: the other, `[B, S, D]`.
    /// - Returns: both, of the same shapes.
    func callAsFunction(_ first: Tensor, _ second: Tensor) -> (Tensor, Tensor) {
        let attendedFirst = first + firstAttention(first, context: second)
        let attendedSecond = second + secondAttention(second, context: first)
        return (
            attendedFirst + firstFeedForward(attendedFirst),
            attendedSecond + secondFeedForward(attendedSecond)
        )
    }
}

/// Attention of tokens to other tokens, both normalized first: a part of a cross transformer.
///
/// The softmax has one additional term: `exp(x - max) / (1 + sum exp(x - max))`.
final class CrossAttention: Module {
    let queryNorm: LayerNorm
    let contextNorm: LayerNorm
    let toQuery: Linear
    let toKeyValue: Linear
    let toOutput: Linear
    let heads: Int

    override class var checkpointNames: [String: String] {
        [
            "queryNorm": "norm1", "contextNorm": "norm2", "toQuery": "fn.to_q",
            "toKeyValue": "fn.to_kv", "toOutput": "fn.to_out.0",
        ]
    }

    /// - Parameters:
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - headWidth: width of each head.
    init(width: Int, heads: Int, headWidth: Int) {
        let inside = heads * headWidth
        queryNorm = LayerNorm(width)
        contextNorm = LayerNorm(width)
        toQuery = Linear(width, inside, bias: false)
        toKeyValue = Linear(width, 2 * inside, bias: false)
        toOutput = Linear(inside, width)
        self.heads = heads
    }

    /// - Parameters:
    ///   - x: tokens that attend, `[B, T, D]`.
    ///   - context: tokens that they attend to, `[B, S, D]`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
        let query = toQuery(queryNorm(x)).splitHeads(heads)
        let keyValue = toKeyValue(contextNorm(context))
        let inside = keyValue.size(2) / 2
        let key = keyValue[.rest, 0..<inside].splitHeads(heads)
        let value = keyValue[.rest, inside...].splitHeads(heads)
        let scale = 1 / Double(query.size(3)).squareRoot()
        let weights = (query.matmul(key.transposed(-2, -1)) * scale).softmaxOrNothing()
        return toOutput(weights.matmul(value).transposed(1, 2).flattened(from: 2))
    }
}

extension Tensor {
    /// Softmax along the last axis with one additional element, which is dropped from the result.
    ///
    /// The additional element has the score of the maximum, so that each row sums to between 1/2
    /// and 1. Unlike that of a softmax, the result depends on the maximum, which therefore has a
    /// gradient.
    func softmaxOrNothing() -> Tensor {
        let powers = (self - max(axes: [-1], keepingAxes: true)).exp()
        return powers / (powers.sum(axes: [-1], keepingAxes: true) + 1)
    }
}

/// A layer norm, then two linear layers with ReLU between: a part of a cross transformer.
final class PreNormFeedForward: Module, Layer {
    let norm: LayerNorm
    let expansion: Linear
    let contraction: Linear

    // Layers 1, 2 and 4 of the authors' module have no weights.
    override class var checkpointNames: [String: String] {
        ["expansion": "fn.net.0", "contraction": "fn.net.3"]
    }

    /// - Parameters:
    ///   - width: channels in and out.
    ///   - inside: channels between.
    init(width: Int, inside: Int) {
        norm = LayerNorm(width)
        expansion = Linear(width, inside)
        contraction = Linear(inside, width)
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        contraction(relu(expansion(norm(x))))
    }
}

/// AutoSAMUS's feature adapter: converts the prompt generator's image to the dense prompt.
///
/// Four times a convolution, a layer norm over channels and GELU, with fewer channels inside.
/// Unlike the feature adapters of SAMUS, it is not parallel to a frozen layer.
public final class DensePromptAdapter: Module, Layer {
    let layers: Sequential

    /// - Parameter width: channels in and out, D; a quarter of it inside.
    public init(width: Int = 256) {
        let inside = width / 4
        layers = Sequential(
            Conv2d(width, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, inside, kernel: 3, padding: 1, bias: false), LayerNorm2d(inside), GELU(),
            Conv2d(inside, width, kernel: 3, padding: 1, bias: false), LayerNorm2d(width), GELU())
    }

    /// The layers by their indices.
    public override var members: [(name: String, member: Member)] {
        layers.members
    }

    /// - Parameter x: image embedding, `[B, D, H, W]`.
    /// - Returns: a dense prompt of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        layers(x)
    }
}
