import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// The image encoder of samus-lite: a TinyViT with few tokens and a CNN branch in parallel.
///
/// The TinyViT has LiteMedSAM's widths and depths. Its stem has stride 4, so that the stages have
/// 64 x 64, 32 x 32 and twice 16 x 16 cells, where LiteMedSAM has 256, 128 and twice 64. Windows
/// are 8 and 16 cells, which need no padding. The parts of SAMUS (arXiv:2309.06824): feature
/// adapters between the last stages' blocks, and cross-branch attention behind these stages. The
/// CNN branch also adds its features where the embedding has their resolution.
public final class SAMUSLiteEncoder: Module, Layer {
    let patchEmbed: TinyViTStem
    let layers: [TinyViTStage]
    let neck: Sequential
    let upscaling: ConvTranspose2d
    let cnnBranch: SAMUSLiteCNN?
    let crossBranchAttention: [CrossBranchAttention]
    let featureAdapters: [FeatureAdapter]

    /// Sizes of the TinyViT.
    static let sizes: TinyViTConfiguration = {
        var sizes = TinyViTConfiguration.liteMedSAM
        sizes.stemStride = 2
        sizes.windows = [8, 8, 16, 16]
        return sizes
    }()

    /// The first of the stages that have adapters and cross-branch attention.
    private static let firstAdapted = 2

    /// An encoder with new weights.
    ///
    /// - Parameter parts: the parts that SAMUS adds; an ablation leaves some out.
    public init(_ parts: SAMUSLiteParts) {
        let sizes = Self.sizes
        let adapted = Self.firstAdapted..<sizes.widths.count
        patchEmbed = TinyViTStem(width: sizes.widths[0], stride: sizes.stemStride)
        layers = sizes.widths.indices.map { TinyViT.stage($0, of: sizes) }
        neck = encoderNeck(width: sizes.widths[sizes.widths.count - 1], outputs: sizes.outputs)
        upscaling = ConvTranspose2d(sizes.outputs, sizes.outputs, kernel: 2, stride: 2)
        upscaling.setToNearest()
        cnnBranch =
            parts.contains(.cnnBranch)
            ? SAMUSLiteCNN(attended: adapted.map { sizes.widths[$0] }, outputs: sizes.outputs) : nil
        crossBranchAttention =
            parts.isSuperset(of: [.cnnBranch, .crossBranchAttention])
            ? adapted.map { stage in
                let attention = CrossBranchAttention(
                    width: sizes.widths[stage], heads: sizes.heads[stage])
                attention.proj.setToZero()
                return attention
            } : []
        featureAdapters =
            parts.contains(.featureAdapters)
            ? adapted.flatMap { stage in
                (0..<sizes.depths[stage]).map { _ in
                    let adapter = FeatureAdapter(width: sizes.widths[stage])
                    adapter.fc2.setToZero()
                    return adapter
                }
            } : []
    }

    /// The modules that LiteMedSAM does not have.
    var addedModules: [Module] {
        [upscaling] + [cnnBranch].compactMap(\.self) + crossBranchAttention + featureAdapters
    }

    /// Channels of the embedding.
    var embeddingWidth: Int {
        let width = Self.sizes.outputs
        // Behind the decoder's channels D: D / 4 channels of 2 x 2 cells, and D / 8 of 4 x 4.
        return cnnBranch == nil ? width : width + width + 2 * width
    }

    /// - Parameter images: in 0..1, `[B, 3, 256, 256]`.
    /// - Returns: `[B, D, 32, 32]`: the decoder's 256 channels and, with the CNN branch, its fine
    ///   features as `MaskDecoder.packed(_:by:)` packs them.
    public func callAsFunction(_ images: Tensor) -> Tensor {
        let images = images.contiguous(.channelsLast)
        let local = cnnBranch?(images)
        var x = patchEmbed(images)
        var adapters = featureAdapters[...]
        for (index, stage) in layers.enumerated() {
            for block in stage.blocks {
                x = block(x)
                if index >= Self.firstAdapted, let adapter = adapters.popFirst() {
                    x = adapter(x.permuted([0, 2, 3, 1])).permuted([0, 3, 1, 2])
                }
            }
            if index >= Self.firstAdapted, let local, !crossBranchAttention.isEmpty {
                let place = index - Self.firstAdapted
                let attended = crossBranchAttention[place](
                    x.permuted([0, 2, 3, 1]), features: local.attended[place])
                x = x + attended.permuted([0, 3, 1, 2])
            }
            if let downsample = stage.downsample { x = downsample(x) }
        }
        let coarse = upscaling(neck(x))
        guard let local else { return coarse }
        return .concatenate(
            [
                coarse + local.eighth, MaskDecoder.packed(local.quarter, by: 2),
                MaskDecoder.packed(local.half, by: 4),
            ], axis: 1)
    }
}

/// The CNN branch of samus-lite: pairs of 3x3 convolutions at a half, a quarter, an eighth and a
/// sixteenth of the input's resolution.
final class SAMUSLiteCNN: Module {
    let stages: [Sequential]
    let attendedProjections: [ConvBatchNorm]
    let eighthProjection: Conv2d
    let quarterProjection: Conv2d
    let halfProjection: Conv2d

    /// Features for each place where the branch meets the tokens or the decoder.
    struct Features {
        /// For cross-branch attention, by stage, `[B, C, S / 16, S / 16]`.
        let attended: [Tensor]
        /// Added to the embedding, `[B, D, S / 8, S / 8]`.
        let eighth: Tensor
        /// Added in the decoder, `[B, D / 4, S / 4, S / 4]`.
        let quarter: Tensor
        /// Added in the decoder, `[B, D / 8, S / 2, S / 2]`.
        let half: Tensor
    }

    /// - Parameters:
    ///   - attended: channels at each place of cross-branch attention.
    ///   - outputs: channels D of the embedding.
    init(attended: [Int], outputs: Int) {
        let widths = [3, 32, 64, 128, 160]
        stages = zip(widths, widths.dropFirst()).map { inputs, outputs in
            Sequential(
                ConvBatchNorm(inputs, outputs, kernel: 3, stride: 2, padding: 1), GELU(),
                ConvBatchNorm(outputs, outputs, kernel: 3, padding: 1), GELU())
        }
        attendedProjections = attended.map { ConvBatchNorm(widths[4], $0) }
        eighthProjection = Conv2d(widths[3], outputs, kernel: 1)
        quarterProjection = Conv2d(widths[2], outputs / 4, kernel: 1)
        halfProjection = Conv2d(widths[1], outputs / 8, kernel: 1)
        for projection in [eighthProjection, quarterProjection, halfProjection] {
            projection.setToZero()
        }
    }

    /// - Parameter images: `[B, 3, S, S]`.
    /// - Returns: features at four resolutions.
    func callAsFunction(_ images: Tensor) -> Features {
        let half = stages[0](images)
        let quarter = stages[1](half)
        let eighth = stages[2](quarter)
        let sixteenth = stages[3](eighth)
        return Features(
            attended: attendedProjections.map { $0(sixteenth) },
            eighth: eighthProjection(eighth), quarter: quarterProjection(quarter),
            half: halfProjection(half))
    }
}
