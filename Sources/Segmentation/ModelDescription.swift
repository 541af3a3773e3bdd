/// What a model is and where it comes from, to be written beside every result of it.
public struct ModelDescription: Equatable, Sendable, Codable {
    /// The name it was asked for by, or its file's.
    public var name: String
    /// Which network it is.
    public var kind: ModelKind
    /// SHA-256 of its file, in hexadecimal digits.
    public var sha256: String
    /// The licence of its weights, when it is known.
    public var licence: String?

    /// A description.
    ///
    /// - Parameters:
    ///   - name: the name it was asked for by, or its file's.
    ///   - kind: which network it is.
    ///   - sha256: of its file, in hexadecimal digits.
    ///   - licence: of its weights, when it is known.
    public init(name: String, kind: ModelKind, sha256: String, licence: String?) {
        self.name = name
        self.kind = kind
        self.sha256 = sha256
        self.licence = licence
    }
}

/// The networks that this product knows, as their checkpoints tell them apart.
public enum ModelKind: String, Sendable, CaseIterable, Codable {
    case liteMedSAM = "LiteMedSAM"

    /// The network a checkpoint belongs to by its names; nil when it is none of these.
    public init?(names: some Sequence<String>) {
        // The stem of TinyViT, and SAM's prompt encoder and mask decoder behind it.
        let liteMedSAM: Set = [
            "image_encoder.patch_embed.seq.0.c.weight", "prompt_encoder.no_mask_embed.weight",
            "mask_decoder.iou_token.weight",
        ]
        guard liteMedSAM.isSubset(of: Set(names)) else { return nil }
        self = .liteMedSAM
    }

    /// Whether a tensor of a checkpoint is kept by the network itself rather than trained: running
    /// statistics of batch norms, and the random frequencies of SAM's position encoding.
    public static func isBuffer(_ name: String) -> Bool {
        [
            "running_mean", "running_var", "num_batches_tracked",
            "positional_encoding_gaussian_matrix",
        ].contains { name.hasSuffix("." + $0) }
    }

    /// The kinds of prompt it was trained with.
    public var trainedPrompts: Set<PromptKind> {
        switch self {
        case .liteMedSAM: [.box]
        }
    }

    /// Whether it was trained to give several candidates for an ambiguous prompt.
    public var isTrainedForCandidates: Bool {
        switch self {
        case .liteMedSAM: false
        }
    }

    /// What to say about a request outside the model's training, a sentence each.
    ///
    /// - Parameters:
    ///   - prompt: what says which object is meant.
    ///   - multimask: whether candidates are asked for.
    /// - Returns: nothing when the model was trained for it.
    public func warnings(about prompt: Prompt, multimask: Bool) -> [String] {
        var warnings: [String] = []
        let foreign = prompt.kinds.subtracting(trainedPrompts)
        if !foreign.isEmpty {
            let given = foreign.map(\.rawValue).sorted().joined(separator: " and ")
            let trained = trainedPrompts.map(\.rawValue).sorted().joined(separator: " and ")
            let alone =
                trainedPrompts.isDisjoint(with: prompt.kinds)
                ? " and without a \(trained) mostly finds nothing" : ""
            warnings.append(
                "\(rawValue) was trained with \(trained) prompts; a \(given) prompt is outside "
                    + "its training\(alone), so look twice at the outline")
        }
        if multimask && !isTrainedForCandidates {
            warnings.append(
                "\(rawValue) was trained to give one mask; candidates and their IoU estimates "
                    + "are outside its training")
        }
        return warnings
    }
}
