import Segmentation
import Torch
import TorchNN

/// SAM's image encoder: a vision transformer with windows (arXiv:2304.02643).
public final class ImageEncoder: Module {
    let patchEmbed: PatchEmbedding
    let posEmbed: Parameter
    let blocks: [ViTBlock]
    let neck: Sequential

    /// - Parameter sizes: width, depth, heads, windows and input size.
    public init(_ sizes: SAMConfiguration) {
        let grid = sizes.imageSize / PatchEmbedding.kernel
        patchEmbed = PatchEmbedding(width: sizes.width, stride: PatchEmbedding.kernel)
        posEmbed = Parameter(constant: 0, [1, grid, grid, sizes.width])
        blocks = (0..<sizes.depth).map { index in
            ViTBlock(
                width: sizes.width, heads: sizes.heads,
                window: sizes.globalBlocks.contains(index) ? nil : sizes.windowSize, grid: grid)
        }
        neck = encoderNeck(width: sizes.width, outputs: sizes.decoder.width)
    }

    /// - Parameter pictures: normalized, `[B, 3, S, S]`; S need not be the size the position tables
    ///   are for: they are resized.
    /// - Returns: embeddings, `[B, D, S / 16, S / 16]`.
    public func callAsFunction(_ pictures: Tensor) -> Tensor {
        let patches = patchEmbed(pictures)
        let placed = patches + positions(height: patches.size(1), width: patches.size(2))
        return neck(blocks.reduce(placed) { $1($0) }.permuted([0, 3, 1, 2]))
    }

    /// The position embedding for a grid, `[1, H, W, D]`.
    private func positions(height: Int, width: Int) -> Tensor {
        let table = posEmbed.value
        guard table.size(1) != height || table.size(2) != width else { return table }
        return bilinear(table.permuted([0, 3, 1, 2]), height: height, width: width)
            .permuted([0, 2, 3, 1])
    }
}
