import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// SAMUS (arXiv:2309.06824): Segment Anything adapted to ultrasound.
public class SAMUS: Module, PromptableNetwork {
    /// Encodes images.
    public let imageEncoder: SAMUSEncoder
    /// Encodes prompts as tokens.
    public let promptEncoder: PromptEncoder
    /// Decodes embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// Whether backward recomputes the activations of the image encoder (activation checkpointing):
    /// less memory, more time.
    public var checkpointsActivations: Bool {
        get { imageEncoder.checkpointsActivations }
        set { imageEncoder.checkpointsActivations = newValue }
    }

    /// Height and width of the published input in pixels.
    static let inputSize = 256

    /// A network with new weights.
    ///
    /// - Parameter sizes: sizes such as `SAMConfiguration.base(imageSize: 256)`.
    public init(_ sizes: SAMConfiguration) {
        imageEncoder = SAMUSEncoder(sizes)
        promptEncoder = PromptEncoder(
            sizes, embeddingSize: sizes.imageSize / OverlappedPatchEmbedding.stride)
        maskDecoder = MaskDecoder(sizes.decoder)
    }

    /// The registry's entry.
    public class var architecture: ModelArchitecture { .samus }

    /// A network with new weights.
    public class func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        SAMUS(configuration.samSizes)
    }

    /// The module of the image encoder.
    public var imageEncoderModule: Module { imageEncoder }

    /// - Parameter images: in 0..1, `[B, 1, S, S]` or `[B, 3, S, S]`, not normalized.
    /// - Returns: embeddings, `[B, D, S / 8, S / 8]`.
    public func encode(_ images: Tensor) -> Tensor {
        encodeOneByOne(images) { imageEncoder($0) }
    }

    /// Nil: SAMUS needs a prompt.
    public func decodePromptFree(_ embedding: Tensor) -> DecodedMasks? { nil }

    /// The modules that SAM does not have.
    var addedModules: [Module] { imageEncoder.addedModules }

    /// What the authors train: CNN branch, cross-branch attention, refinement, both kinds of
    /// feature adapter, position adapter, and the relative positions of the global blocks.
    public func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        switch recipe {
        case .samus:
            addedModules.flatMap(\.parameters)
                + imageEncoder.globalBlocks.flatMap(\.relativePositions)
        case .decoder: promptEncoder.parameters + maskDecoder.parameters
        case .full: parameters
        case .autosamus, .adapter: nil
        }
    }
}
