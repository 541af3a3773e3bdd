import Segmentation
import Torch
import TorchNN

/// LiteMedSAM: SAM's prompt encoder and mask decoder behind a TinyViT, for inputs of 256 pixels.
///
/// Published by the authors of MedSAM (Apache-2.0); trained with boxes on many kinds of medical
/// images.
public final class LiteMedSAM: Module, PromptableNetwork {
    /// Height and width of its input in pixels.
    public static let inputSize = 256

    /// Images to embeddings.
    public let imageEncoder: TinyViT
    /// Prompts to tokens.
    public let promptEncoder: PromptEncoder
    /// Embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// A model with new weights.
    ///
    /// - Parameter adapter: LoRA in the attention of the image encoder, or nil; other adapters trap.
    public init(adapter: EncoderAdapter? = nil) {
        var sizes = TinyViTConfiguration.liteMedSAM
        if case .lowRank(let rank) = adapter { sizes.rank = rank }
        precondition(adapter == nil || sizes.rank != nil, "TinyViT takes LoRA only")
        imageEncoder = TinyViT(sizes)
        promptEncoder = PromptEncoder(
            inputSize: Self.inputSize, embeddingSize: Self.inputSize / 4)
        maskDecoder = MaskDecoder()
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .liteMedSAM }

    /// A network with new weights; there is only one size.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        LiteMedSAM(adapter: configuration.adapter)
    }

    /// The module of the image encoder.
    public var imageEncoderModule: Module { imageEncoder }

    /// - Parameter images: in 0..1, `[B, 3, 256, 256]`.
    /// - Returns: embedding, `[B, 256, 64, 64]`.
    public func encode(_ images: Tensor) -> Tensor {
        imageEncoder(images)
    }

    /// Copies the weights of LiteMedSAM; an adapter keeps its initial values.
    public func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        try SAMTransfer(to: self, encoder: nil, from: source).run()
    }
}
