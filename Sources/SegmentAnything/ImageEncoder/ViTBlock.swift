import Torch
import TorchNN

/// A block of SAM's image encoder: attention and an MLP, each on normed tokens and with a skip.
final class ViTBlock: Module, Layer {
    let norm1: LayerNorm
    let attn: ViTAttention
    let norm2: LayerNorm
    let mlp: ViTMLP

    /// - Parameters:
    ///   - width: channels in and out, D.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in tokens; nil for attention among all tokens.
    ///   - grid: height and width of all tokens.
    init(width: Int, heads: Int, window: Int?, grid: Int) {
        norm1 = LayerNorm(width, epsilon: 1e-6)
        attn = ViTAttention(width: width, heads: heads, window: window, grid: grid)
        norm2 = LayerNorm(width, epsilon: 1e-6)
        mlp = ViTMLP(width: width)
    }

    /// - Parameter x: tokens, `[B, H, W, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let attended = x + attn(norm1(x))
        return attended + mlp(norm2(attended))
    }
}
