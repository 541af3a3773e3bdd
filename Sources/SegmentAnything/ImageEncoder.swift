import Segmentation
import Torch
import TorchNN

/// SAM's image encoder: a vision transformer with windows (arXiv:2304.02643).
public final class ImageEncoder: Module {
    let patchEmbed: PatchEmbedding
    let posEmbed: Parameter
    let blocks: [ViTBlock]
    let neck: Sequential
    private let isResizedBicubically: Bool
    private let resizedPositions = CachedTensor()

    /// Height and width of the position embedding of SAM, which the Medical SAM Adapter keeps.
    static let publishedGrid = 64

    /// - Parameters:
    ///   - sizes: width, depth, heads, windows, input size and adapter.
    ///   - form: how the tensors are named; the Medical SAM Adapter has the position embedding of
    ///     SAM for every input size, resized bicubically.
    public init(_ sizes: SAMConfiguration, form: SAMTensorForm = .sam) {
        let grid = sizes.imageSize / PatchEmbedding.kernel
        let positions = form == .msa ? Self.publishedGrid : grid
        patchEmbed = PatchEmbedding(width: sizes.width, stride: PatchEmbedding.kernel)
        posEmbed = Parameter(constant: 0, [1, positions, positions, sizes.width])
        blocks = (0..<sizes.depth).map { index in
            ViTBlock(
                sizes, window: sizes.globalBlocks.contains(index) ? nil : sizes.windowSize,
                grid: grid, form: form)
        }
        isResizedBicubically = form == .msa
        neck = encoderNeck(width: sizes.width, outputs: sizes.decoder.width)
    }

    /// - Parameter images: normalized, `[B, 3, S, S]`; for another S than the configuration's, the
    ///   position tables are resized.
    /// - Returns: embeddings, `[B, D, S / 16, S / 16]`.
    public func callAsFunction(_ images: Tensor) -> Tensor {
        let patches = patchEmbed(images)
        let placed = patches + positions(height: patches.size(1), width: patches.size(2))
        return neck(blocks.reduce(placed) { $1($0) }.permuted([0, 3, 1, 2]))
    }

    /// The position embedding for a grid, `[1, H, W, D]`.
    private func positions(height: Int, width: Int) -> Tensor {
        let table = posEmbed.value
        guard table.size(1) != height || table.size(2) != width else { return table }
        guard isResizedBicubically else {
            return bilinear(table.permuted([0, 3, 1, 2]), height: height, width: width)
                .permuted([0, 2, 3, 1])
        }
        return resizedPositions.value(of: [table]) {
            bicubic(table.permuted([0, 3, 1, 2]), height: height, width: width)
                .permuted([0, 2, 3, 1]).contiguous()
        }
    }

    /// The position embedding and the tables of relative positions, whose sizes follow from the
    /// input's.
    package var positionTables: [Parameter] {
        [posEmbed] + blocks.flatMap(\.attn.relativePositions)
    }
}

/// Converts images to tokens by one convolution of 16 x 16 pixels.
public final class PatchEmbedding: Module {
    /// Height and width of a patch in pixels.
    public static let kernel = 16

    let proj: GreyConvolution

    /// - Parameters:
    ///   - width: of a token, D.
    ///   - stride: pixels from one patch to the next.
    public init(width: Int, stride: Int) {
        proj = GreyConvolution(width, kernel: Self.kernel, stride: stride)
    }

    /// - Parameter images: `[B, 3, H, W]`, or `[B, 1, H, W]` for three equal channels.
    /// - Returns: tokens, `[B, H', W', D]`.
    public func callAsFunction(_ images: Tensor) -> Tensor {
        // A sum has the memory layout of its first term: tokens in channel order would keep it in
        // all blocks.
        proj(images).permuted([0, 2, 3, 1]).contiguous()
    }
}

/// The first convolution over an RGB image; also accepts a grey one.
///
/// For three equal channels, one channel with summed weights gives the same result for a third of
/// the work.
public final class GreyConvolution: Module, Layer {
    let weight: Parameter
    let bias: Parameter
    let stride: Int
    private let summed = CachedTensor()

    /// - Parameters:
    ///   - outputs: channels out.
    ///   - kernel: height and width of the kernel.
    ///   - stride: step of the kernel.
    public init(_ outputs: Int, kernel: Int, stride: Int) {
        let fanIn = 3 * kernel * kernel
        weight = Parameter(uniform: [outputs, 3, kernel, kernel], fanIn: fanIn)
        bias = Parameter(uniform: [outputs], fanIn: fanIn)
        self.stride = stride
    }

    /// - Parameter x: `[B, 3, H, W]`, or `[B, 1, H, W]` for three equal channels.
    /// - Returns: `[B, outputs, H', W']`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let kernel =
            x.size(1) == 1
            ? summed.value(of: [weight.value]) { weight.value.sum(axes: [1], keepingAxes: true) }
            : weight.value
        return convolution2d(x, weight: kernel, bias: bias.value, stride: stride)
    }
}

/// The end of SAM's image encoder: tokens to an embedding of the decoder's width.
///
/// 1x1 convolution, norm, 3x3 convolution, norm.
///
/// - Parameters:
///   - width: of the tokens.
///   - outputs: of the embedding.
/// - Returns: a layer from `[B, width, H, W]` to `[B, outputs, H, W]`.
public func encoderNeck(width: Int, outputs: Int) -> Sequential {
    Sequential(
        Conv2d(width, outputs, kernel: 1, bias: false),
        LayerNorm2d(outputs),
        Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false),
        LayerNorm2d(outputs))
}
