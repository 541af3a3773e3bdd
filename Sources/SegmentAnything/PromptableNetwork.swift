import Torch
import TorchNN

/// A network of SAM's family: a picture becomes an embedding once, prompts on it become masks.
public protocol PromptableNetwork: Module {
    /// Prompts to tokens.
    var promptEncoder: PromptEncoder { get }
    /// Embedding and tokens to masks.
    var maskDecoder: MaskDecoder { get }

    /// The image encoder.
    ///
    /// - Parameter pictures: prepared as the network wants them, `[B, C, S, S]`.
    /// - Returns: embeddings, `[B, D, H, W]`.
    func encode(_ pictures: Tensor) -> Tensor

    /// The mask of the one object that the network finds by itself.
    ///
    /// - Parameter embedding: of B pictures, `[B, D, H, W]`.
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
    ///   - embedding: of one picture for all prompts, `[1, D, H, W]`, or one for each,
    ///     `[B, D, H, W]`.
    ///   - prompts: B sets, in pixels of the input.
    ///   - multimask: whether to give the candidates instead of one mask.
    /// - Returns: logits, `[B, M, 4 H, 4 W]`, and IoU estimates, `[B, M]`.
    public func decode(
        _ embedding: Tensor, prompts: PromptTensors, multimask: Bool = false
    ) -> (logits: Tensor, iou: Tensor) {
        precondition(
            embedding.size(0) == 1 || embedding.size(0) == prompts.batch,
            "\(embedding.size(0)) pictures and \(prompts.batch) sets of prompts")
        let (sparse, dense) = promptEncoder(prompts)
        return maskDecoder(
            image: embedding, positions: promptEncoder.densePositions(), sparse: sparse,
            dense: dense, multimask: multimask)
    }
}
