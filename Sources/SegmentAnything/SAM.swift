import Segmentation
import Torch
import TorchNN

/// Segment Anything as published (arXiv:2304.02643).
open class SAM: Module, PromptableNetwork {
    /// Images to embeddings.
    public let imageEncoder: ImageEncoder
    /// Prompts to tokens.
    public let promptEncoder: PromptEncoder
    /// Embedding and tokens to masks.
    public let maskDecoder: MaskDecoder

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - sizes: sizes such as `SAMConfiguration.base(imageSize:)` with 1024.
    ///   - form: how the tensors are named.
    public init(_ sizes: SAMConfiguration, form: SAMTensorForm = .sam) {
        imageEncoder = ImageEncoder(sizes, form: form)
        promptEncoder = PromptEncoder(
            sizes, embeddingSize: sizes.imageSize / PatchEmbedding.kernel)
        maskDecoder = MaskDecoder(sizes.decoder, form: form)
    }

    /// The registry's entry.
    open class var architecture: ModelArchitecture { .sam }

    /// A network with new weights.
    open class func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        SAM(configuration.samSizes)
    }

    /// The module of the image encoder.
    public var imageEncoderModule: Module { imageEncoder }

    /// - Parameter images: normalized, `[B, 3, S, S]`.
    /// - Returns: embeddings, `[B, D, S / 16, S / 16]`.
    public func encode(_ images: Tensor) -> Tensor {
        encodeOneByOne(images) { imageEncoder($0) }
    }

    /// Prompt encoder and mask decoder, all parameters, or those of adapters where there are any.
    open func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        switch recipe {
        case .decoder: promptEncoder.parameters + maskDecoder.parameters
        case .full: parameters
        case .adapter: adapterParameters.isEmpty ? nil : adapterParameters
        case .samus, .autosamus: nil
        }
    }

    /// The sizes of the source, with an input of another size where the network has one.
    open class func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        source
    }

    /// Copies the weights of SAM; see `SAMTransfer`.
    open func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        try SAMTransfer(to: self, from: source).run()
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
    ///
    /// - Parameters:
    ///   - sizes: of the decoder.
    ///   - form: how the tensors are named.
    public convenience init(_ sizes: SAMConfiguration.Decoder, form: SAMTensorForm = .sam) {
        self.init(
            width: sizes.width,
            transformer: TwoWayTransformer(
                depth: sizes.depth, width: sizes.width, heads: sizes.heads,
                mlpWidth: sizes.mlpWidth, form: form),
            candidates: sizes.candidates, iouDepth: sizes.iouDepth, iouWidth: sizes.iouWidth)
    }
}

extension ModelConfiguration {
    /// SAM's sizes; traps for another kind of configuration.
    public var samSizes: SAMConfiguration {
        guard case .sam(let sizes) = self else {
            preconditionFailure("a network of SAM's family needs SAM's sizes, not \(self)")
        }
        return sizes
    }
}
