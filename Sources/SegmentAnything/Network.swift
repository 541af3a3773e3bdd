import Segmentation
import Torch
import TorchNN

/// The layers of one entry of the registry `ModelArchitecture.all`.
///
/// A new network conforms in the file that has its layers, and is listed in `NetworkRegistry`.
public protocol SegmentationNetwork: Module {
    /// The entry of the registry.
    static var architecture: ModelArchitecture { get }

    /// Makes a network with new weights.
    ///
    /// - Parameter configuration: sizes as the registry's entry has them; those of another
    ///   architecture trap.
    /// - Returns: a network in training mode.
    static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork

    /// Whether a training step is faster with its convolutions channels last
    /// (`Module.useChannelsLast()`); decides how the network is trained.
    var isTrainedChannelsLast: Bool { get }

    /// The parameters that a recipe trains; all others are frozen.
    ///
    /// - Parameter recipe: what to train.
    /// - Returns: nil when the network does not support the recipe.
    func trainedParameters(by recipe: Recipe) -> [Parameter]?

    /// The sizes of a network that is initialized from another architecture's weights.
    ///
    /// - Parameters:
    ///   - source: the sizes of the other network.
    ///   - architecture: the other network's architecture.
    /// - Returns: the sizes of this network.
    static func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration

    /// Initializes this network from the weights of an architecture in
    /// `ModelArchitecture.startsFrom`.
    ///
    /// - Parameter source: a checkpoint or a state dictionary.
    /// - Returns: where each weight comes from.
    /// - Throws: `ModuleLoadError` when tensors are missing or have another shape, and the error of
    ///   the reader.
    func transferWeights(from source: any TensorSource) throws -> WeightTransfer

    /// The module of the image encoder.
    var imageEncoderModule: Module { get }
    /// Channels of an embedding, D.
    var embeddingWidth: Int { get }
    /// Height and width of an embedding, a quarter of those of a mask's logits.
    var embeddingSize: Int { get }

    /// Encodes images.
    ///
    /// - Parameter images: preprocessed for the network, `[B, C, S, S]`.
    /// - Returns: embeddings, `[B, D, H, W]`.
    func encode(_ images: Tensor) -> Tensor

    /// Segments without a prompt.
    ///
    /// - Parameter embedding: of B images, `[B, D, H, W]`.
    /// - Returns: one mask of 4 H x 4 W logits for each image; nil where the network needs a prompt.
    func decodePromptFree(_ embedding: Tensor) -> DecodedMasks?
}

extension SegmentationNetwork {
    /// False: most of a step is matrix products, or the network sets the format of its images.
    public var isTrainedChannelsLast: Bool { false }

    /// Freezes every parameter that a recipe does not train.
    ///
    /// - Parameter recipe: what to train.
    /// - Returns: false, with nothing changed, when the network does not support the recipe.
    @discardableResult
    public func setTrainable(by recipe: Recipe) -> Bool {
        guard let trained = trainedParameters(by: recipe) else { return false }
        setTrainable(false)
        for parameter in trained {
            parameter.isTrainable = true
        }
        return true
    }

    /// Encodes images one by one where that is at least as fast as a batch: on the CPU without
    /// gradients, where the activations of one image fit the cache and use less memory.
    ///
    /// - Parameters:
    ///   - images: `[B, C, S, S]`.
    ///   - encoder: a function from a batch of any size to as many embeddings.
    /// - Returns: the embeddings of all images.
    public func encodeOneByOne(_ images: Tensor, with encoder: (Tensor) -> Tensor) -> Tensor {
        guard images.size(0) > 1, !isGradEnabled, images.device.kind == .cpu, !Trace.isRecording
        else {
            return encoder(images)
        }
        return .concatenate((0..<images.size(0)).map { encoder(images[$0..<($0 + 1)]) })
    }

    /// The same sizes.
    public static func configuration(
        startingFrom source: ModelConfiguration, of architecture: ModelArchitecture
    ) -> ModelConfiguration {
        source
    }

    /// Copies all weights, whose names and shapes must agree.
    public func transferWeights(from source: any TensorSource) throws -> WeightTransfer {
        try load(source)
        return WeightTransfer(copied: namedValues().map(\.name))
    }
}

/// A network that its authors train through several maps of one image.
///
/// Training minimizes the weighted sum of the losses of all maps (*deep supervision*).
public protocol DeeplySupervisedNetwork: SegmentationNetwork {
    /// The maps that are compared with the label in training.
    ///
    /// - Parameter images: preprocessed for the network, `[B, C, S, S]`.
    /// - Returns: masks as ``SegmentationNetwork/decodePromptFree(_:)`` gives them, the network's own
    ///   result first, and the weight of each in the loss.
    func supervisedMasks(_ images: Tensor) -> [(masks: DecodedMasks, weight: Double)]
}

/// Where each weight of an initialized network comes from, by tensor name.
public struct WeightTransfer: Equatable, Sendable {
    /// Copied from the source.
    public var copied: [String]
    /// Copied and resized.
    public var resized: [String] = []
    /// Not in the source: these keep their initial values.
    public var new: [String] = []
    /// In the source, but not in the network.
    public var unused: [String] = []

    /// The origins of a network's weights.
    ///
    /// - Parameters:
    ///   - copied: names copied from the source.
    ///   - resized: names copied and resized.
    ///   - new: names that keep their initial values.
    ///   - unused: names of the source that the network does not have.
    public init(
        copied: [String], resized: [String] = [], new: [String] = [], unused: [String] = []
    ) {
        self.copied = copied
        self.resized = resized
        self.new = new
        self.unused = unused
    }
}

/// A network of SAM's family: encodes an image once, then decodes a mask for each prompt.
public protocol PromptableNetwork: SegmentationNetwork {
    /// Prompts to tokens.
    var promptEncoder: PromptEncoder { get }
    /// Embedding and tokens to masks.
    var maskDecoder: MaskDecoder { get }
}

extension PromptableNetwork {
    /// Nil: the network needs a prompt.
    public func decodePromptFree(_ embedding: Tensor) -> DecodedMasks? { nil }

    /// The decoder's width: the embedding has no fine features.
    public var embeddingWidth: Int { maskDecoder.outputTokens.size(1) }

    /// The grid of the prompt encoder.
    public var embeddingSize: Int { promptEncoder.gridSize }

    /// Prompt encoder and mask decoder, all parameters, or those of adapters where there are any.
    public func trainedParameters(by recipe: Recipe) -> [Parameter]? {
        switch recipe {
        case .decoder: promptEncoder.parameters + maskDecoder.parameters
        case .full: parameters
        case .adapter: adapterParameters.isEmpty ? nil : adapterParameters
        case .samus, .autosamus: nil
        }
    }

    /// Decodes masks for prompts.
    ///
    /// - Parameters:
    ///   - embedding: of one image for all prompts, `[1, D, H, W]`, or one for each,
    ///     `[B, D, H, W]`.
    ///   - prompts: B sets of prompts, in pixels of the input.
    ///   - multimask: whether to return the candidates instead of one mask.
    /// - Returns: one mask or all candidates for each set of prompts. The one mask is the best
    ///   candidate where the architecture has it so.
    public func decode(
        _ embedding: Tensor, prompts: PromptTensors, multimask: Bool = false
    ) -> DecodedMasks {
        precondition(
            embedding.size(0) == 1 || embedding.size(0) == prompts.batch,
            "\(embedding.size(0)) images and \(prompts.batch) sets of prompts")
        let (sparse, dense) = promptEncoder(prompts)
        let takesBest = !multimask && type(of: self).architecture.takesBestCandidate
        let masks = maskDecoder(
            image: embedding, positions: promptEncoder.densePositions(), sparse: sparse,
            dense: dense, multimask: multimask || takesBest)
        return takesBest ? masks.best : masks
    }
}
