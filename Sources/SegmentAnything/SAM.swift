import Segmentation
import Torch
import TorchNN

/// Segment Anything as published (arXiv:2304.02643).
public final class SAM: Module, PromptableNetwork {
    /// Images to embeddings.
    public let imageEncoder: ImageEncoder
    /// Prompts to tokens.
    public let promptEncoder: PromptEncoder
    /// Embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// A network with new weights.
    ///
    /// - Parameter sizes: as `SAMConfiguration.base(imageSize:)` with 1024.
    public init(_ sizes: SAMConfiguration) {
        imageEncoder = ImageEncoder(sizes)
        promptEncoder = PromptEncoder(
            sizes, embeddingSize: sizes.imageSize / PatchEmbedding.kernel)
        maskDecoder = MaskDecoder(sizes.decoder)
    }

    /// - Parameter images: normalized, `[B, 3, S, S]`.
    /// - Returns: embeddings, `[B, D, S / 16, S / 16]`.
    public func encode(_ images: Tensor) -> Tensor {
        imageByImage(images) { imageEncoder($0) }
    }
}

extension PromptEncoder {
    /// The prompt encoder of a network of these sizes.
    ///
    /// - Parameters:
    ///   - sizes: of the network.
    ///   - embeddingSize: height and width of its image embedding.
    public convenience init(_ sizes: SAMConfiguration, embeddingSize: Int) {
        self.init(
            width: sizes.decoder.width, inputSize: sizes.imageSize, embeddingSize: embeddingSize,
            maskChannels: sizes.maskChannels)
    }
}

extension MaskDecoder {
    /// The mask decoder of these sizes.
    public convenience init(_ sizes: SAMConfiguration.Decoder) {
        self.init(
            width: sizes.width,
            transformer: TwoWayTransformer(
                depth: sizes.depth, width: sizes.width, heads: sizes.heads,
                mlpWidth: sizes.mlpWidth),
            candidates: sizes.candidates, iouDepth: sizes.iouDepth, iouWidth: sizes.iouWidth)
    }
}

/// A network of SAM's family: an image becomes an embedding once, prompts on it become masks.
public protocol PromptableNetwork: Module {
    /// Prompts to tokens.
    var promptEncoder: PromptEncoder { get }
    /// Embedding and tokens to masks.
    var maskDecoder: MaskDecoder { get }

    /// The image encoder.
    ///
    /// - Parameter images: prepared as the network wants them, `[B, C, S, S]`.
    /// - Returns: embeddings, `[B, D, H, W]`.
    func encode(_ images: Tensor) -> Tensor

    /// The mask of the one object that the network finds by itself.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: logits, `[B, 1, 4 H, 4 W]`, and IoU estimates, `[B, 1]`; nil where the network
    ///   needs a prompt.
    func decodeUnprompted(_ embedding: Tensor) -> (logits: Tensor, iou: Tensor)?
}

extension PromptableNetwork {
    /// Nil: it needs a prompt.
    public func decodeUnprompted(_ embedding: Tensor) -> (logits: Tensor, iou: Tensor)? { nil }

    /// Masks for prompts.
    ///
    /// - Parameters:
    ///   - embedding: of one image for all prompts, `[1, D, H, W]`, or one for each,
    ///     `[B, D, H, W]`.
    ///   - prompts: B sets, in pixels of the input.
    ///   - multimask: whether to give the candidates instead of one mask.
    /// - Returns: logits, `[B, M, 4 H, 4 W]`, and IoU estimates, `[B, M]`.
    public func decode(
        _ embedding: Tensor, prompts: PromptTensors, multimask: Bool = false
    ) -> (logits: Tensor, iou: Tensor) {
        precondition(
            embedding.size(0) == 1 || embedding.size(0) == prompts.batch,
            "\(embedding.size(0)) images and \(prompts.batch) sets of prompts")
        let (sparse, dense) = promptEncoder(prompts)
        return maskDecoder(
            image: embedding, positions: promptEncoder.densePositions(), sparse: sparse,
            dense: dense, multimask: multimask)
    }
}

/// Encodes images one after the other where that is at least as fast as together: without
/// gradients on the CPU, where the activations of one image stay in the cache, those of many do
/// not, and memory is that of one.
///
/// - Parameters:
///   - images: `[B, C, S, S]`.
///   - encode: from a batch of any size to as many embeddings.
/// - Returns: the embeddings of all.
public func imageByImage(_ images: Tensor, _ encode: (Tensor) -> Tensor) -> Tensor {
    guard images.size(0) > 1, !isGradEnabled, images.device.kind == .cpu, !Trace.isRecording
    else {
        return encode(images)
    }
    return .concatenate((0..<images.size(0)).map { encode(images[$0..<($0 + 1)]) })
}
