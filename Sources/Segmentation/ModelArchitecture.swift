/// The networks that this product knows.
public enum ModelArchitecture: String, Sendable, CaseIterable, Codable {
    case sam = "SAM"
    case samus = "SAMUS"
    case autoSAMUS = "AutoSAMUS"
    case liteMedSAM = "LiteMedSAM"

    /// The network a checkpoint belongs to by its names; nil when it is none of these.
    ///
    /// Looks at parts that only one network has; whether everything fits shows when it is loaded.
    public init?(names: some Sequence<String>) {
        let names = Set(names)
        // All have SAM's prompt encoder and mask decoder.
        let shared: Set = ["prompt_encoder.no_mask_embed.weight", "mask_decoder.iou_token.weight"]
        guard shared.isSubset(of: names) else { return nil }
        if names.contains("image_encoder.patch_embed.seq.0.c.weight") {
            self = .liteMedSAM
        } else if names.contains("prompt_generator.object_token") {
            self = .autoSAMUS
        } else if names.contains("image_encoder.cnn_embed.inc.conv.0.weight") {
            self = .samus
        } else if names.contains("image_encoder.blocks.0.attn.qkv.weight") {
            self = .sam
        } else {
            return nil
        }
    }

    /// Whether a tensor of a checkpoint is kept by the network itself rather than trained: running
    /// statistics of batch norms, and the random frequencies of SAM's position encoding.
    public static func isBuffer(_ name: String) -> Bool {
        [
            "running_mean", "running_var", "num_batches_tracked",
            "positional_encoding_gaussian_matrix",
        ].contains { name.hasSuffix("." + $0) }
    }

    /// How it wants its input.
    public var preprocessing: Preprocessing {
        switch self {
        case .sam: .sam
        case .samus, .autoSAMUS: .samus
        case .liteMedSAM: .liteMedSAM
        }
    }

    /// The kinds of prompt it was trained with.
    public var trainedPrompts: Set<PromptKind> {
        switch self {
        case .sam: [.click, .box, .mask]
        case .samus: [.click]
        case .autoSAMUS: []
        case .liteMedSAM: [.box]
        }
    }

    /// Whether it finds an object without a prompt.
    public var isPromptFree: Bool { self == .autoSAMUS }

    /// Whether it was trained to give several candidates for an ambiguous prompt.
    public var isTrainedForCandidates: Bool { self == .sam }

    /// What to say about a request outside the model's training, a sentence each.
    ///
    /// - Parameters:
    ///   - prompt: what says which object is meant.
    ///   - multimask: whether candidates are asked for.
    ///   - stated: the kinds of prompt that the weights' file says they were trained with; nil
    ///     for those of the published weights.
    /// - Returns: nothing when the model was trained for it.
    public func warnings(
        about prompt: Prompt, multimask: Bool, trainedWith stated: Set<PromptKind>? = nil
    ) -> [String] {
        var warnings: [String] = []
        let foreign = prompt.kinds.subtracting(stated ?? trainedPrompts)
        if !foreign.isEmpty {
            let given = foreign.map(\.rawValue).sorted().joined(separator: " and ")
            warnings.append(
                "\(rawValue) was trained \(trainingText(stated)); a \(given) prompt is outside "
                    + "its training\(stated == nil ? alone(prompt) : ""), so look twice at the "
                    + "outline")
        }
        if multimask && !isTrainedForCandidates {
            warnings.append(
                "\(rawValue) was trained to give one mask; candidates and their IoU estimates "
                    + "are outside its training")
        }
        return warnings
    }

    /// How it was trained, in words that follow "trained".
    ///
    /// - Parameter stated: the kinds of prompt that the weights' file says; nil for those of the
    ///   published weights.
    /// - Returns: as `with box, click prompts`.
    public func trainingText(_ stated: Set<PromptKind>? = nil) -> String {
        let prompts = stated ?? trainedPrompts
        return prompts.isEmpty
            ? "without prompts"
            : "with \(prompts.map(\.rawValue).sorted().joined(separator: ", ")) prompts"
    }

    private func alone(_ prompt: Prompt) -> String {
        // Measured: clicks and masks alone give next to nothing.
        self == .liteMedSAM && prompt.box == nil
            ? " and without a box mostly finds nothing" : ""
    }

    /// The network and its sizes, as `SAMUS (ViT-B, input 256x256)`.
    ///
    /// - Parameter sizes: of the network.
    /// - Returns: words for a person.
    public func text(_ sizes: SAMConfiguration) -> String {
        "\(rawValue) (\(encoderName(sizes)), input \(sizes.imageSize)x\(sizes.imageSize))"
    }

    /// The image encoder as people call it.
    ///
    /// - Parameter sizes: of the network.
    /// - Returns: as `ViT-B`; LiteMedSAM has only one.
    public func encoderName(_ sizes: SAMConfiguration) -> String {
        self == .liteMedSAM ? "TinyViT" : sizes.encoderName
    }
}
