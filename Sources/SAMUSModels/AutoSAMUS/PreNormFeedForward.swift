import Torch
import TorchNN

/// A layer norm, then two linear layers with ReLU between: a part of a cross transformer.
final class PreNormFeedForward: Module, Layer {
    let norm: LayerNorm
    let expansion: Linear
    let contraction: Linear

    // The authors' places 1, 2 and 4 have no weights.
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
