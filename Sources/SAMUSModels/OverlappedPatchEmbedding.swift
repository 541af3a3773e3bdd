import SegmentAnything
import Torch

/// Images to tokens whose patches overlap by half: the *overlapped patch embedding* of SAMUS
/// (arXiv:2309.06824).
///
/// SAM's own kernel of 16 pixels moves by 8, over the image enlarged so that as many patches fit
/// as the image has steps of 8 pixels: 256 becomes 264, which has 32.
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
