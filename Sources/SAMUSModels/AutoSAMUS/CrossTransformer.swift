import Torch
import TorchNN

/// Two sets of tokens that attend to each other, layer by layer.
final class CrossTransformer: Module {
    let layers: [CrossTransformerLayer]

    /// - Parameters:
    ///   - depth: number of layers.
    ///   - width: width of tokens, D.
    ///   - heads: attention heads.
    ///   - headWidth: width of each.
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

/// One layer: both sets attend to each other as they came in, then an MLP on each.
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
    ///   - headWidth: width of each.
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
