import Torch
import TorchNN

/// Tokens attend to the CNN branch: the *cross-branch attention* of SAMUS
/// (arXiv:2309.06824).
///
/// Queries are tokens, keys and values are CNN features; global, without relative positions.
final class CrossBranchAttention: Module {
    let q: Linear
    let k: Linear
    let v: Linear
    let proj: Linear
    let heads: Int

    /// - Parameters:
    ///   - width: channels of both branches, D.
    ///   - heads: attention heads.
    init(width: Int, heads: Int) {
        q = Linear(width, width)
        k = Linear(width, width)
        v = Linear(width, width)
        proj = Linear(width, width)
        self.heads = heads
    }

    /// - Parameters:
    ///   - tokens: `[B, H, W, D]`.
    ///   - features: of the CNN branch, `[B, D, H, W]`.
    /// - Returns: `[B, H, W, D]`.
    func callAsFunction(_ tokens: Tensor, features: Tensor) -> Tensor {
        let seen = features.permuted([0, 2, 3, 1])
        let scale = 1 / Double(tokens.size(3) / heads).squareRoot()
        let attended = attention(
            query: q(tokens).splitHeads(heads) * scale, key: k(seen).splitHeads(heads),
            value: v(seen).splitHeads(heads))
        return proj(attended).reshaped(tokens.shape)
    }
}
