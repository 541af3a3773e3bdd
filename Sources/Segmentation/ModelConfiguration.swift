import Foundation

/// The sizes of one network.
public enum ModelConfiguration: Hashable, Sendable {
    /// Sizes of SAM and of networks built from its vision transformer.
    case sam(SAMConfiguration)
    /// Sizes of a network whose layers are fixed by its publication.
    case fixed(FixedConfiguration)

    /// Height and width of the input in pixels.
    public var inputSize: Int {
        switch self {
        case .sam(let sizes): sizes.imageSize
        case .fixed(let sizes): sizes.inputSize
        }
    }

    /// The usual name of the image encoder: `ViT-B`.
    public var encoderName: String {
        switch self {
        case .sam(let sizes): sizes.encoderName
        case .fixed(let sizes): sizes.encoder
        }
    }

    /// Number of masks for an ambiguous prompt; 0 for a network that takes no prompts.
    public var candidates: Int {
        switch self {
        case .sam(let sizes): sizes.decoder.candidates
        case .fixed(let sizes): sizes.candidates
        }
    }

    /// The sizes as a checkpoint's metadata has them under ``SAMConfiguration/metadataKey``; nil
    /// where the architecture alone determines them.
    public var metadata: String? {
        switch self {
        case .sam(let sizes): sizes.json
        case .fixed: nil
        }
    }
}

/// Sizes of a network whose layers are fixed by its publication.
public struct FixedConfiguration: Hashable, Sendable {
    /// The usual name of the image encoder.
    public var encoder: String
    /// Height and width of the input in pixels.
    public var inputSize: Int
    /// Number of masks for an ambiguous prompt; 0 for a network that takes no prompts.
    public var candidates: Int
    /// Number of classes of the result, without the background.
    public var classes: Int

    /// Fixed sizes.
    ///
    /// - Parameters:
    ///   - encoder: the usual name of the image encoder.
    ///   - inputSize: height and width of the input in pixels.
    ///   - candidates: number of masks for an ambiguous prompt; 0 without prompts.
    ///   - classes: number of classes without the background.
    public init(encoder: String, inputSize: Int, candidates: Int = 0, classes: Int = 1) {
        self.encoder = encoder
        self.inputSize = inputSize
        self.candidates = candidates
        self.classes = classes
    }
}

/// Which weights are trained; the numbers that go with it are in `Training`.
public enum Recipe: String, Sendable, CaseIterable, Codable {
    /// SAMUS as its authors train it: adapters, CNN branch, cross-branch attention.
    case samus
    /// AutoSAMUS as its authors train it: the prompt generator and its adapter, without prompts.
    case autosamus
    /// Prompt encoder and mask decoder on a frozen image encoder, whose embeddings are cached.
    case decoder
    /// Every weight.
    case full

    /// The architecture that a new network has by default; nil where several support the recipe.
    public var architecture: ModelArchitecture? {
        let supporting = ModelArchitecture.all.filter { $0.recipes.contains(self) }
        return supporting.count == 1 ? supporting[0] : nil
    }
}
