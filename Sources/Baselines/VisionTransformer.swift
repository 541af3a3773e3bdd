import Torch
import TorchNN

/// Attention of tokens to each other, before the output projection.
///
/// - Parameters:
///   - joined: query, key and value of each token, `[B, T, 3 D]`.
///   - heads: number of heads; divides D.
/// - Returns: `[B, T, D]`.
func selfAttention(_ joined: Tensor, heads: Int) -> Tensor {
    let width = joined.size(2) / 3
    let parts = joined.split([width, width, width], axis: 2).map { $0.splitHeads(heads) }
    let scale = 1 / Double(width / heads).squareRoot()
    return attention(query: parts[0] * scale, key: parts[1], value: parts[2])
}

/// A block of a vision transformer (arXiv:2010.11929) with timm's names, as DeiT has them.
final class VisionTransformerBlock: Module, Layer {
    let norm1: LayerNorm
    let attn: VisionTransformerAttention
    let norm2: LayerNorm
    let mlp: VisionTransformerMLP

    /// - Parameters:
    ///   - width: width of the tokens, D.
    ///   - heads: attention heads.
    init(width: Int, heads: Int) {
        norm1 = LayerNorm(width, epsilon: 1e-6)
        attn = VisionTransformerAttention(width: width, heads: heads)
        norm2 = LayerNorm(width, epsilon: 1e-6)
        mlp = VisionTransformerMLP(width: width, inside: 4 * width)
    }

    /// - Parameter x: `[B, T, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = x + attn(norm1(x))
        return mixed + mlp(norm2(mixed))
    }
}

/// Attention of all tokens to all tokens.
final class VisionTransformerAttention: Module, Layer {
    let qkv: Linear
    let proj: Linear
    private let heads: Int

    init(width: Int, heads: Int) {
        qkv = Linear(width, 3 * width)
        proj = Linear(width, width)
        self.heads = heads
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        proj(selfAttention(qkv(x), heads: heads))
    }
}

/// Two linear layers with GELU.
final class VisionTransformerMLP: Module, Layer {
    let fc1: Linear
    let fc2: Linear

    /// - Parameters:
    ///   - width: width of the tokens.
    ///   - inside: width between the layers.
    init(width: Int, inside: Int) {
        fc1 = Linear(width, inside)
        fc2 = Linear(inside, width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        fc2(fc1(x, activation: .gelu))
    }
}

/// The tokens of an image: a convolution whose stride is its kernel's size.
final class PatchEmbedding: Module, Layer {
    let proj: Conv2d

    /// - Parameters:
    ///   - size: height and width of a patch in pixels.
    ///   - width: width of the tokens, D.
    init(size: Int, width: Int) {
        proj = Conv2d(3, width, kernel: size, stride: size)
    }

    /// - Parameter x: `[B, 3, H, W]`.
    /// - Returns: `[B, T, D]`, row by row.
    func callAsFunction(_ x: Tensor) -> Tensor {
        proj(x).tokens
    }
}
