import Torch
import TorchNN

/// Pictures to tokens: one convolution of 16 x 16 pixels.
public final class PatchEmbedding: Module {
    /// Height and width of a patch in pixels.
    public static let kernel = 16

    let proj: PictureConvolution

    /// - Parameters:
    ///   - width: of a token, D.
    ///   - stride: pixels from one patch to the next.
    public init(width: Int, stride: Int) {
        proj = PictureConvolution(width, kernel: Self.kernel, stride: stride)
    }

    /// - Parameter pictures: `[B, 3, H, W]`, or `[B, 1, H, W]` for three equal channels.
    /// - Returns: tokens, `[B, H', W', D]`.
    public func callAsFunction(_ pictures: Tensor) -> Tensor {
        // A sum lies as its first term does: tokens that lie by channels would stay so in all blocks.
        proj(pictures).permuted([0, 2, 3, 1]).contiguous()
    }
}
