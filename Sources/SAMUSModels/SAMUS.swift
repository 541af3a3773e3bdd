import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// SAMUS (arXiv:2309.06824): Segment Anything for ultrasound, a click to an outline.
public class SAMUS: Module, PromptableNetwork {
    /// Images to embeddings.
    public let imageEncoder: SAMUSEncoder
    /// Prompts to tokens.
    public let promptEncoder: PromptEncoder
    /// Embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// Whether backward computes the activations of the image encoder anew instead of keeping them:
    /// less memory for more time.
    public var checkpointsActivations: Bool {
        get { imageEncoder.checkpointsActivations }
        set { imageEncoder.checkpointsActivations = newValue }
    }

    /// The parts that SAM does not have, as a part of their tensors' names.
    class var ownParts: Set<String> {
        [
            "cnn_embed", "Space_Adapter", "refine_Adapter", "MLP_Adapter", "input_Adapter",
            "post_pos_embed",
        ]
    }

    /// A network with new weights.
    ///
    /// - Parameter sizes: as `SAMConfiguration.base(imageSize: 256)`.
    public init(_ sizes: SAMConfiguration) {
        imageEncoder = SAMUSEncoder(sizes)
        promptEncoder = PromptEncoder(
            sizes, embeddingSize: sizes.imageSize / OverlappedPatchEmbedding.stride)
        maskDecoder = MaskDecoder(sizes.decoder)
    }

    /// - Parameter images: in 0..1, `[B, 1, S, S]` or `[B, 3, S, S]`; nothing is normalized.
    /// - Returns: embeddings, `[B, D, S / 8, S / 8]`.
    public func encode(_ images: Tensor) -> Tensor {
        imageByImage(images) { imageEncoder($0) }
    }

    /// Nil: it needs a prompt.
    public func decodeUnprompted(_ embedding: Tensor) -> (logits: Tensor, iou: Tensor)? { nil }

    /// Frees what training changes and freezes the rest: CNN branch, cross-branch attention,
    /// refinement, both kinds of adapter, position adapter, and relative positions.
    ///
    /// - Parameter tables: which blocks' relative positions.
    public func freeze(but tables: TrainedTables = .globalBlocks) {
        let blocks =
            switch tables {
            case .globalBlocks: globalBlocks
            case .asInProgram:
                imageEncoder.blocks.indices.filter { index in
                    ["2", "5", "8", "11"].contains { "\(index)".hasSuffix($0) }
                }
            }
        let trained = relativePositions(of: blocks)
        setTrainable(false)
        setTrainable(true) { isOwnPart($0) || trained.contains($0) }
    }

    /// Names of the tables of relative positions of some blocks.
    func relativePositions(of blocks: [Int]) -> Set<String> {
        Set(
            blocks.flatMap { block in
                ["h", "w"].map { "image_encoder.blocks.\(block).attn.rel_pos_\($0)" }
            })
    }

    /// The blocks that see the whole image.
    var globalBlocks: [Int] {
        imageEncoder.blocks.indices.filter { imageEncoder.blocks[$0].spaceAdapter != nil }
    }
}

/// The blocks whose tables of relative positions are trained.
public enum TrainedTables: Sendable {
    /// Those that see the whole image, as the paper says.
    case globalBlocks
    /// Those whose number ends in 2, 5, 8 or 11, as the authors' program picks them by name: the
    /// same for ViT-B, blocks with windows for ViT-L and ViT-H.
    case asInProgram
}
