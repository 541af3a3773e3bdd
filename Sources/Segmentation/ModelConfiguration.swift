import Foundation

/// The sizes of one network.
public enum ModelConfiguration: Hashable, Sendable {
    /// Sizes of SAM and of networks built from its vision transformer.
    case sam(SAMConfiguration)
    /// Sizes of a network whose layers are fixed by its publication.
    case fixed(FixedConfiguration)
    /// The parts of a samus-lite.
    case lite(SAMUSLiteParts)

    /// Height and width of the input in pixels.
    public var inputSize: Int {
        switch self {
        case .sam(let sizes): sizes.imageSize
        case .fixed(let sizes): sizes.inputSize
        case .lite: SAMUSLiteParts.inputSize
        }
    }

    /// The usual name of the image encoder: `ViT-B`.
    public var encoderName: String {
        switch self {
        case .sam(let sizes): sizes.encoderName
        case .fixed(let sizes):
            sizes.encoder + (sizes.adapter.map { " with \($0.text)" } ?? "")
        case .lite(let parts): parts.encoderName
        }
    }

    /// Number of masks for an ambiguous prompt; 0 for a network that takes no prompts.
    public var candidates: Int {
        switch self {
        case .sam(let sizes): sizes.classes == nil ? sizes.decoder.candidates : 0
        case .fixed(let sizes): sizes.candidates
        case .lite: 3
        }
    }

    /// Channels of a task-specific network's result; 1 for other networks.
    public var outputs: Int {
        if case .fixed(let sizes) = self { sizes.outputs } else { 1 }
    }

    /// Number of classes of the result, without the background; 1 for a network of one object.
    public var classes: Int {
        switch self {
        case .sam(let sizes): sizes.classes ?? 1
        case .fixed(let sizes): max(sizes.outputs - 1, 1)
        case .lite: 1
        }
    }

    /// The sizes as a checkpoint's metadata has them under ``SAMConfiguration/metadataKey``; nil
    /// where the architecture alone determines them.
    public var metadata: String? {
        switch self {
        case .sam(let sizes): sizes.json
        case .fixed, .lite: nil
        }
    }
}

extension ModelConfiguration {
    /// The adapter in the blocks of the image encoder; nil for none.
    public var adapter: EncoderAdapter? {
        switch self {
        case .sam(let sizes): sizes.adapter
        case .fixed(let sizes): sizes.adapter
        case .lite: nil
        }
    }

    /// The same sizes with a number of classes that are segmented at once.
    ///
    /// - Parameter classes: number of classes without the background, at least 2.
    /// - Returns: the sizes; nil for a network that is not task-specific.
    public func segmenting(classes: Int) -> ModelConfiguration? {
        guard case .fixed(var sizes) = self, sizes.candidates == 0 else { return nil }
        sizes.outputs = classes + 1
        return .fixed(sizes)
    }

    /// The same sizes with an adapter, or without one.
    ///
    /// - Parameter adapter: the adapter; nil for none.
    /// - Returns: the sizes; those of samus-lite, which takes no adapter, are unchanged.
    public func adapted(by adapter: EncoderAdapter?) -> ModelConfiguration {
        switch self {
        case .sam(var sizes):
            sizes.adapter = adapter
            return .sam(sizes)
        case .fixed(var sizes):
            sizes.adapter = adapter
            return .fixed(sizes)
        case .lite: return self
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
    /// Channels of a task-specific network's result: 1 for the logits of one object, more for those
    /// of the background and of each class.
    public var outputs: Int
    /// The adapter in the image encoder; nil for none.
    public var adapter: EncoderAdapter?

    /// Fixed sizes.
    ///
    /// - Parameters:
    ///   - encoder: the usual name of the image encoder.
    ///   - inputSize: height and width of the input in pixels.
    ///   - candidates: number of masks for an ambiguous prompt; 0 without prompts.
    ///   - outputs: channels of a task-specific network's result.
    public init(encoder: String, inputSize: Int, candidates: Int = 0, outputs: Int = 1) {
        self.encoder = encoder
        self.inputSize = inputSize
        self.candidates = candidates
        self.outputs = outputs
    }
}

/// The parts that samus-lite has from SAMUS; an ablation leaves some out.
public struct SAMUSLiteParts: OptionSet, Hashable, Sendable {
    /// The bits of the set.
    public let rawValue: Int

    /// A set of parts from its bits.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// The CNN branch and its features in embedding and decoder.
    public static let cnnBranch = SAMUSLiteParts(rawValue: 1)
    /// Attention of tokens to the CNN branch; only together with ``cnnBranch``.
    public static let crossBranchAttention = SAMUSLiteParts(rawValue: 2)
    /// Bottlenecks between the blocks of the last stages.
    public static let featureAdapters = SAMUSLiteParts(rawValue: 4)
    /// All parts.
    public static let all: SAMUSLiteParts = [.cnnBranch, .crossBranchAttention, .featureAdapters]

    /// Height and width of the input in pixels.
    public static let inputSize = 256

    /// For each part its name on the command line, and a tensor that only a network with it has.
    private static let table: [(part: SAMUSLiteParts, name: String, tensor: String)] = [
        (.cnnBranch, "cnn-branch", "image_encoder.cnn_branch.half_projection.weight"),
        (
            .crossBranchAttention, "cross-branch-attention",
            "image_encoder.cross_branch_attention.0.q.weight"
        ),
        (.featureAdapters, "feature-adapters", "image_encoder.feature_adapters.0.D_fc1.weight"),
    ]

    /// All parts but those of a list; nil for a name that no part has.
    ///
    /// - Parameter list: names of parts, separated by commas: `cnn-branch`,
    ///   `cross-branch-attention`, `feature-adapters`. Without the CNN branch there is no
    ///   cross-branch attention.
    public init?(without list: String) {
        self = .all
        for word in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let entry = Self.table.first(where: { $0.name == word }) else { return nil }
            remove(entry.part)
        }
        if !contains(.cnnBranch) { remove(.crossBranchAttention) }
    }

    /// The parts of the network in a checkpoint.
    ///
    /// - Parameter names: names of the checkpoint's tensors.
    public init(tensorNames names: some Sequence<String>) {
        let names = Set(names)
        self = Self.table.reduce(into: []) { parts, entry in
            if names.contains(entry.tensor) { parts.insert(entry.part) }
        }
    }

    /// The image encoder in words.
    public var encoderName: String {
        let missing = Self.table.filter { !contains($0.part) }.map(\.name)
        return "TinyViT, stride 4"
            + (missing.isEmpty ? "" : ", without " + missing.joined(separator: " and "))
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
    /// Adapters in the blocks of a frozen image encoder, and the parts that the method trains.
    case adapter

    /// The architecture that a new network has by default; nil where several support the recipe.
    public var architecture: ModelArchitecture? {
        let supporting = ModelArchitecture.all.filter { $0.recipes.contains(self) }
        return supporting.count == 1 ? supporting[0] : nil
    }
}
