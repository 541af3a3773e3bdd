import Torch
import TorchNN

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
    ///   - downsampling: how many times narrower it is inside.
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
            query: separated(qProj(query)), key: separated(kProj(key)),
            value: separated(vProj(value)))
        return outProj(attended.transposed(1, 2).flattened(from: 2))
    }

    private func separated(_ x: Tensor) -> Tensor {
        x.reshaped([x.size(0), x.size(1), heads, -1]).transposed(1, 2)
    }
}
