import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// The image encoder of SAMUS (arXiv:2309.06824): SAM's vision transformer on a smaller grid, and a
/// CNN branch.
public final class SAMUSEncoder: Module {
    let cnnEmbed: CNNBranch
    let patchEmbed: PatchEmbedding
    let inputAdapter: FeatureAdapter
    let posEmbed: Parameter
    let postPosEmbed: PositionAdapter
    let blocks: [SAMUSBlock]
    let neck: Sequential
    /// Whether blocks and CNN stages use activation checkpointing.
    var checkpointsActivations = false

    /// The authors' names.
    public override class var checkpointNames: [String: String] {
        ["inputAdapter": "input_Adapter"]
    }

    /// Height and width of SAM's position embedding, which SAMUS uses for every input size.
    static let positionGrid = 64

    /// - Parameter sizes: width, depth, heads, windows and input size.
    public init(_ sizes: SAMConfiguration) {
        let grid = sizes.imageSize / OverlappedPatchEmbedding.stride
        cnnEmbed = CNNBranch(width: sizes.width)
        patchEmbed = PatchEmbedding(width: sizes.width, stride: OverlappedPatchEmbedding.stride)
        inputAdapter = FeatureAdapter(width: sizes.width)
        posEmbed = Parameter(
            constant: 0, [1, Self.positionGrid, Self.positionGrid, sizes.width])
        postPosEmbed = PositionAdapter(width: sizes.width, grid: grid)
        blocks = (0..<sizes.depth).map { index in
            SAMUSBlock(
                width: sizes.width, heads: sizes.heads,
                window: sizes.globalBlocks.contains(index) ? nil : sizes.windowSize, grid: grid)
        }
        neck = encoderNeck(width: sizes.width, outputs: sizes.decoder.width)
    }

    /// - Parameter images: in 0..1, `[B, 1, S, S]` or `[B, 3, S, S]`.
    /// - Returns: embeddings, `[B, D, S / 8, S / 8]`.
    public func callAsFunction(_ images: Tensor) -> Tensor {
        var features = cnnEmbed(images, checkpointed: checkpointsActivations)
        var tokens = embedded(images)
        for block in blocks {
            (tokens, features) =
                checkpointsActivations
                ? block.checkpointed(tokens, features: features)
                : block(tokens, features: features)
        }
        return neck(tokens.permuted([0, 3, 1, 2]).adding(features, times: 0.5))
    }

    /// The blocks whose tokens attend to the whole image.
    var globalBlocks: [SAMUSBlock] { blocks.filter { $0.crossBranchAttention != nil } }

    /// The modules that SAM's image encoder does not have.
    var addedModules: [Module] {
        [cnnEmbed, inputAdapter, postPosEmbed] + blocks.flatMap(\.addedModules)
    }

    /// The tokens that go into the first block, `[B, S / 8, S / 8, D]`.
    func embedded(_ images: Tensor) -> Tensor {
        let tokens = inputAdapter(OverlappedPatchEmbedding.tokens(of: images, by: patchEmbed))
        return tokens + postPosEmbed(posEmbed.value)
    }
}
