import SegmentAnything
import Torch

/// Converts images to tokens whose patches overlap by half: the *overlapped patch embedding* of
/// SAMUS (arXiv:2309.06824).
///
/// SAM's 16x16 kernel is applied with a stride of 8 to the image enlarged by 8 pixels, which gives
/// one token for every 8 pixels: 256 pixels are enlarged to 264 and give 32 tokens.
enum OverlappedPatchEmbedding {
    /// Pixels from one patch to the next.
    static let stride = PatchEmbedding.kernel / 2

    /// - Parameters:
    ///   - images: `[B, C, S, S]`.
    ///   - embedding: SAM's kernel, with a stride of 8.
    /// - Returns: tokens, `[B, S / 8, S / 8, D]`.
    static func tokens(of images: Tensor, by embedding: PatchEmbedding) -> Tensor {
        embedding(
            bilinear(
                images, height: images.size(2) + stride, width: images.size(3) + stride))
    }
}
