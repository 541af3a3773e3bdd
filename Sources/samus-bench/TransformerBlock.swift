import Torch
import TorchNN

/// A block of a vision transformer with global attention, as in ViT.
final class TransformerBlock: Module, Layer {
    let norm1: LayerNorm
    let qkv: Linear
    let proj: Linear
    let norm2: LayerNorm
    let fc1: Linear
    let fc2: Linear
    let heads: Int

    init(width: Int, heads: Int) {
        norm1 = LayerNorm(width)
        qkv = Linear(width, width * 3)
        proj = Linear(width, width)
        norm2 = LayerNorm(width)
        fc1 = Linear(width, width * 4)
        fc2 = Linear(width * 4, width)
        self.heads = heads
    }

    /// - Parameter x: `[B, T, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let shape = x.shape
        let parts = qkv(norm1(x)).reshaped([shape[0], shape[1], 3, heads, shape[2] / heads])
            .permuted([2, 0, 3, 1, 4]).unbound()
        let mixed = scaledDotProductAttention(query: parts[0], key: parts[1], value: parts[2])
        let attended = x + proj(mixed.transposed(1, 2).reshaped(shape))
        return attended + fc2(gelu(fc1(norm2(attended))))
    }
}
