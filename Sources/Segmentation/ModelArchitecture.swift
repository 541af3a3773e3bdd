import Checkpoints

/// One network architecture that this package supports: everything about it except its layers.
///
/// ``all`` is the registry. Detecting the architecture of a checkpoint, preparing images, checking
/// prompts, starting a network from other weights and the command line's choices all read it. The
/// layers are on the training side: a class that conforms to `SegmentationNetwork`.
public struct ModelArchitecture: RawRepresentable, Sendable {
    /// The name in files and messages: `SAMUS`.
    public let rawValue: String
    /// The name on the command line: `samus`.
    public let commandName: String
    /// Which tensors a checkpoint of this architecture has.
    public let signature: TensorSignature
    /// How an image becomes the network's input.
    public let preprocessing: Preprocessing
    /// The kinds of prompt that the published weights were trained with.
    public let trainedPrompts: Set<PromptKind>
    /// Whether the network segments an image without a prompt.
    public let isPromptFree: Bool
    /// Whether the published weights were trained to give several masks for an ambiguous prompt.
    public let isTrainedForCandidates: Bool
    /// Whether the published weights give hardly any mask for a prompt without a box.
    public let needsBox: Bool
    /// Whether the network was trained to answer clicks in turn, and to tell that there is nothing.
    ///
    /// Each click then comes with the logits of the step before.
    public let isInteractive: Bool
    /// The sizes that were published.
    public let published: [ModelConfiguration]
    /// Other architectures whose weights can initialize this one.
    public let startsFrom: [ModelArchitecture]
    /// The ways to train adapters that its image encoder takes.
    public let adapters: [AdapterMethod]
    /// Whether the best candidate, by the IoU estimate, is the single mask of a prompt.
    ///
    /// The mask that SAM has for unambiguous prompts is then not trained.
    public let takesBestCandidate: Bool
    /// The training recipes that it supports.
    public let recipes: [Recipe]
    private let sizes: Sizes

    /// How the sizes of a network are found from its checkpoint.
    enum Sizes: Sendable {
        /// From the shapes of a SAM with one token for every `patchStride` pixels of the input.
        case ofSAM(patchStride: Int, form: SAMTensorForm = .sam)
        /// The published size, with the channels that a tensor has as its first axis as outputs.
        case ofHead(String)
        /// From names and shapes of the tensors.
        case ofCheckpoint(@Sendable (Checkpoint) -> ModelConfiguration)
    }

    init(
        _ name: String, commandName: String, signature: TensorSignature,
        preprocessing: Preprocessing, trainedPrompts: Set<PromptKind>, isPromptFree: Bool = false,
        isTrainedForCandidates: Bool = false, needsBox: Bool = false,
        isInteractive: Bool = false, takesBestCandidate: Bool = false,
        published: [ModelConfiguration], sizes: Sizes, startsFrom: [ModelArchitecture] = [],
        adapters: [AdapterMethod] = [], recipes: [Recipe]
    ) {
        rawValue = name
        self.commandName = commandName
        self.signature = signature
        self.preprocessing = preprocessing
        self.trainedPrompts = trainedPrompts
        self.isPromptFree = isPromptFree
        self.isTrainedForCandidates = isTrainedForCandidates
        self.needsBox = needsBox
        self.isInteractive = isInteractive
        self.published = published
        self.sizes = sizes
        self.startsFrom = startsFrom
        self.adapters = adapters
        self.takesBestCandidate = takesBestCandidate
        self.recipes = recipes
    }

    /// All architectures; an entry that is not listed here does not exist for the programs.
    public static let all =
        [sam, samus, autoSAMUS, samusLite, liteMedSAM] + foundation + taskSpecific

    /// Segment Anything (arXiv:2304.02643).
    public static let sam = ModelArchitecture(
        "SAM", commandName: "sam",
        signature: TensorSignature(present: plainSAM, absent: notSAM),
        preprocessing: .sam, trainedPrompts: [.click, .box, .mask], isTrainedForCandidates: true,
        published: SAMConfiguration.published(1024).map { .sam($0) },
        sizes: .ofSAM(patchStride: 16), adapters: AdapterMethod.allCases,
        recipes: [.decoder, .full, .adapter])

    /// SAMUS (arXiv:2309.06824): SAM adapted to ultrasound.
    public static let samus = ModelArchitecture(
        "SAMUS", commandName: "samus",
        signature: TensorSignature(
            present: samParts + [cnnBranch], absent: [tinyViTStem, promptGenerator]),
        preprocessing: .samus, trainedPrompts: [.click],
        published: SAMConfiguration.published(256).map { .sam($0) }, sizes: .ofSAM(patchStride: 8),
        startsFrom: [.sam], recipes: [.samus, .decoder, .full])

    /// AutoSAMUS (MICCAI 2024): SAMUS with a prompt generator instead of a click.
    public static let autoSAMUS = ModelArchitecture(
        "AutoSAMUS", commandName: "autosamus",
        signature: TensorSignature(present: samParts + [promptGenerator], absent: [tinyViTStem]),
        preprocessing: .samus, trainedPrompts: [], isPromptFree: true,
        published: SAMConfiguration.published(256).map { .sam($0) }, sizes: .ofSAM(patchStride: 8),
        startsFrom: [.sam, .samus], recipes: [.autosamus, .decoder, .full])

    /// LiteMedSAM: MedSAM distilled into a TinyViT, published by MedSAM's authors.
    public static let liteMedSAM = ModelArchitecture(
        "LiteMedSAM", commandName: "litemedsam",
        signature: TensorSignature(
            present: samParts + [tinyViTStem], shapes: [tinyViTStem: [nil, nil, 1, 1]]),
        preprocessing: .liteMedSAM, trainedPrompts: [.box], needsBox: true,
        published: [liteMedSAMSizes],
        sizes: .ofCheckpoint { checkpoint in
            liteMedSAMSizes.adapted(
                by: EncoderAdapter(names: checkpoint.names) { checkpoint[$0]?.shape })
        }, adapters: [.lora], recipes: [.decoder, .full, .adapter])

    /// samus-lite: LiteMedSAM with fewer tokens, a CNN branch and cross-branch attention.
    public static let samusLite = ModelArchitecture(
        "SAMUS-Lite", commandName: "samus-lite",
        signature: TensorSignature(
            present: samParts + [tinyViTStem], shapes: [tinyViTStem: [nil, nil, 3, 3]]),
        preprocessing: .liteMedSAM, trainedPrompts: [.click, .box, .mask],
        isInteractive: true, published: [.lite(.all)],
        sizes: .ofCheckpoint { .lite(SAMUSLiteParts(tensorNames: $0.names)) },
        startsFrom: [.liteMedSAM], recipes: [.decoder, .full])

    private static let liteMedSAMSizes = ModelConfiguration.fixed(
        FixedConfiguration(encoder: "TinyViT", inputSize: 256, candidates: 3))

    // Tensors that distinguish SAM and the networks derived from it.
    static let samParts = [
        "prompt_encoder.no_mask_embed.weight", "mask_decoder.iou_token.weight",
    ]
    static let cnnBranch = "image_encoder.cnn_embed.inc.conv.0.weight"
    static let tinyViTStem = "image_encoder.patch_embed.seq.0.c.weight"
    static let promptGenerator = "prompt_generator.object_token"
}

extension ModelArchitecture: Hashable, Codable {
    /// The architecture of this name; nil when none has it.
    public init?(rawValue: String) {
        guard let found = Self.all.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    /// Whether both are the same entry of the registry.
    public static func == (one: ModelArchitecture, other: ModelArchitecture) -> Bool {
        one.rawValue == other.rawValue
    }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(rawValue)
    }
}

/// Tensors by which the architecture of a checkpoint is detected.
public struct TensorSignature: Sendable {
    /// Names that a checkpoint must have.
    public let present: [String]
    /// Names that it must not have.
    public let absent: [String]
    /// Shapes that it must have; nil stands for any length of that axis.
    public let shapes: [String: [Int?]]

    /// A signature.
    ///
    /// - Parameters:
    ///   - present: names that a checkpoint must have.
    ///   - absent: names that it must not have.
    ///   - shapes: shapes that it must have; nil stands for any length of that axis.
    public init(present: [String], absent: [String] = [], shapes: [String: [Int?]] = [:]) {
        self.present = present
        self.absent = absent
        self.shapes = shapes
    }

    /// Whether tensors have this signature.
    ///
    /// - Parameter tensors: the shape of each tensor by its name.
    /// - Returns: false when a required tensor is missing or an excluded one is there.
    public func matches(_ tensors: [String: [Int]]) -> Bool {
        present.allSatisfy { tensors[$0] != nil } && !absent.contains { tensors[$0] != nil }
            && shapes.allSatisfy { name, pattern in
                guard let shape = tensors[name], shape.count == pattern.count else { return false }
                return zip(shape, pattern).allSatisfy { $1 == nil || $0 == $1 }
            }
    }
}

extension ModelArchitecture {
    /// Detects an architecture from names and shapes of tensors; nil when no signature matches.
    ///
    /// Reads only the tensors of the signatures; loading shows whether all others fit.
    ///
    /// - Parameter tensors: the shape of each tensor by its name.
    public init?(tensors: [String: [Int]]) {
        guard let found = Self.all.first(where: { $0.signature.matches(tensors) }) else {
            return nil
        }
        self = found
    }

    /// Whether a tensor of a checkpoint is a buffer and not a weight: running statistics of batch
    /// norms, the random frequencies of SAM's position encoding, and tables of Swin's windows.
    ///
    /// - Parameter name: the tensor's name.
    /// - Returns: false for a weight.
    public static func isBuffer(_ name: String) -> Bool {
        [
            "running_mean", "running_var", "num_batches_tracked",
            "positional_encoding_gaussian_matrix", "relative_position_index", "attn_mask",
        ].contains { name.hasSuffix("." + $0) }
    }

    /// Whether the network takes prompts; a task-specific network takes none.
    public var takesPrompts: Bool { (published.first?.candidates ?? 0) > 0 }

    /// Whether the network can segment several classes at once.
    public var takesClasses: Bool { Self.taskSpecific.contains(self) }

    /// Whether the mask decoder has attention heads, whose number tensor shapes do not determine.
    public var hasDecoderHeads: Bool {
        if case .ofSAM = sizes { true } else { false }
    }

    /// Whether the input may have another size than the published one.
    ///
    /// SAM's tables of positions are resized for it.
    public var takesInputSizes: Bool {
        if case .ofSAM(patchStride: 16, _) = sizes { true } else { false }
    }

    /// The configuration of a new network where none is given; nil for SAM's family, which needs one.
    public var defaultConfiguration: ModelConfiguration? {
        if case .ofSAM = sizes { nil } else { published.first }
    }

    /// The sizes of the network in a checkpoint.
    ///
    /// - Parameters:
    ///   - checkpoint: a checkpoint of this architecture.
    ///   - decoderHeads: attention heads of the mask decoder, which no shape shows; nil for the
    ///     number in the file's metadata, or the published eight.
    /// - Returns: the sizes.
    /// - Throws: ``ConfigurationError`` when the tensors do not determine the sizes.
    func configuration(
        of checkpoint: Checkpoint, decoderHeads: Int?
    ) throws(ConfigurationError) -> ModelConfiguration {
        switch sizes {
        case .ofSAM(let patchStride, let form):
            return .sam(
                try SAMConfiguration(
                    checkpoint, patchStride: patchStride, form: form, decoderHeads: decoderHeads))
        case .ofHead(let name):
            return published[0].withOutputs(of: checkpoint[name])
        case .ofCheckpoint(let configuration):
            return configuration(checkpoint)
        }
    }
}

extension Checkpoint {
    /// The metadata key of a checkpoint for the architecture's name.
    public static let architectureKey = "samus.kind"

    /// The architecture that the metadata state or the tensors show; nil when there is none.
    public var architecture: ModelArchitecture? { architecture(stated: nil) }

    /// The architecture that is stated or that the tensors show; nil when there is none.
    ///
    /// - Parameter stated: the statement; nil for that of the metadata.
    /// - Returns: the stated architecture where the tensors allow it, else the detected one.
    public func architecture(stated: ModelArchitecture?) -> ModelArchitecture? {
        ModelArchitecture(
            tensors: Dictionary(names.map { ($0, self[$0]?.shape ?? []) }) { first, _ in first },
            stated: stated?.rawValue ?? metadata[Self.architectureKey])
    }

    /// The sizes of the network.
    ///
    /// - Parameters:
    ///   - architecture: the network's architecture.
    ///   - decoderHeads: attention heads of the mask decoder, which no shape shows; nil for the
    ///     number in the file's metadata, or the published eight.
    /// - Returns: sizes that agree with the number of tensors and of their elements.
    /// - Throws: ``ConfigurationError`` when the tensors do not determine the sizes.
    public func configuration(
        of architecture: ModelArchitecture, decoderHeads: Int? = nil
    ) throws(ConfigurationError) -> ModelConfiguration {
        try architecture.configuration(of: self, decoderHeads: decoderHeads)
    }

    /// The number of weights: all elements of all tensors that are not buffers.
    public var parameterCount: Int {
        names.filter { !ModelArchitecture.isBuffer($0) }
            .reduce(0) { $0 + (self[$1]?.elementCount ?? 0) }
    }
}

extension ModelArchitecture {
    /// Warnings about a request that the weights were not trained for, one sentence each.
    ///
    /// - Parameters:
    ///   - prompt: the prompt that the network is given.
    ///   - multimask: whether several candidates are requested.
    ///   - stated: the kinds of prompt in the metadata of the weights' file; nil for those of the
    ///     published weights.
    /// - Returns: an empty list when the weights were trained for the request.
    public func warnings(
        about prompt: Prompt, multimask: Bool, trainedWith stated: Set<PromptKind>? = nil
    ) -> [String] {
        var warnings: [String] = []
        let untrained = prompt.kinds.subtracting(stated ?? trainedPrompts)
        if !untrained.isEmpty {
            let given = untrained.map(\.rawValue).sorted().joined(separator: " and ")
            let withoutBox =
                needsBox && stated == nil && prompt.box == nil
                ? ", and without a box it rarely finds anything" : ""
            warnings.append(
                "\(rawValue) was trained \(trainingText(stated)), not with a \(given) prompt"
                    + "\(withoutBox); check the outline")
        }
        if multimask && !isTrainedForCandidates {
            warnings.append(
                "\(rawValue) was trained to give one mask; several candidates and their IoU "
                    + "estimates are outside its training")
        }
        return warnings
    }

    /// The prompts that it was trained with, in words that follow "trained".
    ///
    /// - Parameter stated: the kinds of prompt in the metadata of the weights' file; nil for those
    ///   of the published weights.
    /// - Returns: for example `with box, click prompts`.
    public func trainingText(_ stated: Set<PromptKind>? = nil) -> String {
        let prompts = stated ?? trainedPrompts
        return prompts.isEmpty
            ? "without prompts"
            : "with \(prompts.map(\.rawValue).sorted().joined(separator: ", ")) prompts"
    }

    /// The architecture and its sizes in words.
    ///
    /// - Parameter configuration: the network's sizes.
    /// - Returns: for example `SAMUS (ViT-B, input 256x256)`.
    public func text(_ configuration: ModelConfiguration) -> String {
        let side = configuration.inputSize
        let classes = configuration.classes > 1 ? ", \(configuration.classes) classes" : ""
        return "\(rawValue) (\(configuration.encoderName), input \(side)x\(side)\(classes))"
    }
}
