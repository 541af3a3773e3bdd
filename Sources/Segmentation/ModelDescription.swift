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
        // The stem of TinyViT inside a SAM.
        let liteMedSAMStem = "image_encoder.patch_embed.seq.0.c.weight"
        guard names.contains(liteMedSAMStem) else { return nil }
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

    /// What to say about a prompt outside the model's training; nil when there is nothing to say.
    public func warning(about prompt: Prompt) -> String? {
        let foreign = prompt.kinds.subtracting(trainedPrompts)
        guard !foreign.isEmpty else { return nil }
        let given = foreign.map(\.rawValue).sorted().joined(separator: " and ")
        let trained = trainedPrompts.map(\.rawValue).sorted().joined(separator: " and ")
        return "\(rawValue) was trained with \(trained) prompts; a \(given) prompt is outside its "
            + "training, so look twice at the outline"
    }
}
