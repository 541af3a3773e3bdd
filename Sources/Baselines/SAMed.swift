import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// SAMed (arXiv:2304.13785): SAM with LoRA in its image encoder, which segments classes without a
/// prompt.
///
/// The mask decoder has one mask token for the background and one for each class. The result is at a
/// quarter of the input's resolution.
public final class SAMed: Module, SegmentationNetwork {
    let sam: SAM
    private let classes: Int

    /// A network with new weights.
    ///
    /// - Parameter sizes: sizes as `ModelArchitecture.samedSizes(_:classes:rank:)` gives them.
    public init(_ sizes: SAMConfiguration) {
        guard let classes = sizes.classes, classes == sizes.decoder.candidates else {
            preconditionFailure("SAMed needs a mask token for each class and the background")
        }
        self.classes = classes
        sam = SAM(sizes)
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .samed }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        SAMed(configuration.samSizes)
    }

    /// The module of the image encoder.
    public var imageEncoderModule: Module { sam.imageEncoder }
    /// The decoder's width.
    public var embeddingWidth: Int { sam.embeddingWidth }
    /// The grid of the prompt encoder.
    public var embeddingSize: Int { sam.embeddingSize }

    /// - Parameter images: grey values in 0..1, `[B, 1, S, S]`, or the same in three channels.
    /// - Returns: embeddings, `[B, D, S / 16, S / 16]`.
    public func encode(_ images: Tensor) -> Tensor {
        sam.encode(images)
    }

    /// The logits of the background and of each class, and the estimates of the IoU, which the authors
    /// do not train.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: logits, `[B, 1 + classes, 4 H, 4 W]`; softmax along axis 1 gives probabilities.
    public func classMasks(_ embedding: Tensor) -> DecodedMasks {
        sam.maskDecoder.all(
            image: embedding, positions: sam.promptEncoder.densePositions(), sparse: nil,
            dense: sam.promptEncoder(PromptTensors()).dense)
    }

    /// The mask of the only class: its logits minus those of the background, whose sigmoid is the
    /// softmax of both.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: one mask for each image, with an IoU estimate from its probabilities.
    public func decodePromptFree(_ embedding: Tensor) -> DecodedMasks? {
        precondition(classes == 1, "a SAMed of \(classes) classes gives more than one mask")
        let logits = classMasks(embedding).logits
        return .estimatingIoU(logits[.all, 1..<2] - logits[.all, 0..<1])
    }

    /// LoRA, prompt encoder and mask decoder, as the authors train, or all parameters.
    public func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        let adapters = adapterParameters
        switch recipe {
        case .adapter:
            return adapters.isEmpty
                ? nil : adapters + sam.promptEncoder.parameters + sam.maskDecoder.parameters
        case .full: return parameters
        case .decoder, .samus, .autosamus: return nil
        }
    }

    /// The sizes of SAM with LoRA of rank 4, an input of 512 pixels and one class.
    public static func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        var sizes = ModelArchitecture.samedSizes(
            source.samSizes, classes: 1, rank: EncoderAdapter.publishedRank)
        sizes.imageSize = 512
        return .sam(sizes)
    }

    /// Copies the weights of SAM; mask tokens, their networks and the IoU head are new, as in the
    /// authors' program.
    public func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        let own = ["mask_tokens", "output_hypernetworks_mlps", "iou_prediction_head"]
        return try SAMTransfer(to: self, encoder: sam.imageEncoder, from: source) { name in
            own.contains { name.hasPrefix("sam.mask_decoder.\($0).") }
        }.run()
    }
}
