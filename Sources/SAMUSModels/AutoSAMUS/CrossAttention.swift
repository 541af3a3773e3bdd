import Torch
import TorchNN

/// Attention of tokens to other tokens, both normalized first: a part of a cross transformer.
///
/// Its softmax may attend to nothing: `exp(x - max) / (1 + sum exp(x - max))`.
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
    ///   - headWidth: width of each.
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
        let query = separated(toQuery(queryNorm(x)))
        let keyValue = toKeyValue(contextNorm(context))
        let inside = keyValue.size(2) / 2
        let key = separated(keyValue[.rest, 0..<inside])
        let value = separated(keyValue[.rest, inside...])
        let scale = 1 / Double(query.size(3)).squareRoot()
        let weights = (query.matmul(key.transposed(-2, -1)) * scale).softmaxOrNothing()
        return toOutput(weights.matmul(value).transposed(1, 2).flattened(from: 2))
    }

    private func separated(_ x: Tensor) -> Tensor {
        x.reshaped([x.size(0), x.size(1), heads, -1]).transposed(1, 2)
    }
}

extension Tensor {
    /// Softmax along the last axis with one more place that takes part and is dropped.
    ///
    /// That place scores as high as the highest here, so each row sums to between 1/2 and 1. Unlike
    /// a softmax's, this result depends on the maximum, which therefore has a gradient.
    func softmaxOrNothing() -> Tensor {
        let powers = (self - max(axes: [-1], keepingAxes: true)).exp()
        return powers / (powers.sum(axes: [-1], keepingAxes: true) + 1)
    }
}
