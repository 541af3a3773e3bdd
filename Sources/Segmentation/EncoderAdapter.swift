/// Small trained layers in the frozen blocks of an image encoder.
///
/// The layers are on the training side; this is what their tensors are called and what they need.
public enum EncoderAdapter: Hashable, Sendable {
    /// LoRA (arXiv:2106.09685) on queries and values, as SAMed has it (arXiv:2304.13785): products of
    /// two matrices that are added to those of the attention. They can be merged into its weights.
    case lowRank(Int)
    /// Bottlenecks behind the attention and beside the MLP, as the Medical SAM Adapter has them
    /// (arXiv:2304.12620).
    case bottleneck
    /// A channel gate and two convolutions beside the MLP, as SAM-Med2D has them (arXiv:2308.16184).
    case convolution

    /// The metadata key of a checkpoint for the adapter.
    public static let metadataKey = "samus.adapter"

    /// The ranks of LoRA that are accepted.
    public static let ranks = 1...1024

    /// The rank of LoRA in SAMed.
    public static let publishedRank = 4
}

extension EncoderAdapter: RawRepresentable, Codable {
    /// The adapter in a file's metadata: `lora-4`, `msa` or `sam-med2d`.
    public var rawValue: String {
        switch self {
        case .lowRank(let rank): "lora-\(rank)"
        case .bottleneck: "msa"
        case .convolution: "sam-med2d"
        }
    }

    /// The adapter of a text in a file's metadata; nil when there is none of that name.
    public init?(rawValue: String) {
        switch rawValue {
        case "msa": self = .bottleneck
        case "sam-med2d": self = .convolution
        default:
            guard rawValue.hasPrefix("lora-"), let rank = Int(rawValue.dropFirst(5)),
                Self.ranks.contains(rank)
            else { return nil }
            self = .lowRank(rank)
        }
    }

    /// The adapter in words: `LoRA of rank 4`.
    public var text: String {
        switch self {
        case .lowRank(let rank): "LoRA of rank \(rank)"
        case .bottleneck: "bottleneck adapters"
        case .convolution: "convolutional adapters"
        }
    }
}

extension EncoderAdapter {
    /// Detects the adapter of a network from its tensors; nil where there is none.
    ///
    /// - Parameters:
    ///   - names: names of all tensors.
    ///   - shape: returns the shape of a tensor by name.
    public init?(names: some Sequence<String>, shape: (String) -> [Int]?) {
        for name in names where Self.baseName(of: name) == nil {
            if name.hasSuffix(".linear_a_q.weight") {
                guard let rank = shape(name)?.first, Self.ranks.contains(rank) else { return nil }
                self = .lowRank(rank)
                return
            }
            if name.contains(".Adapter.") {
                self = .convolution
                return
            }
            if name.contains(".Space_Adapter.") {
                self = .bottleneck
                return
            }
        }
        return nil
    }

    /// The name of a tensor in the same network without adapters.
    ///
    /// - Parameter name: name of a tensor of a network that may have adapters.
    /// - Returns: nil for a tensor of an adapter.
    public static func baseName(of name: String) -> String? {
        if name.contains(".qkv.linear_") { return nil }
        let isAdded = [
            ".Space_Adapter.D_fc", ".MLP_Adapter.D_fc", ".Depth_Adapter.D_fc", ".Adapter.",
        ].contains { name.contains($0) }
        if isAdded { return nil }
        guard let doubled = name.firstRange(of: ".qkv.qkv.") else { return name }
        var base = name
        base.replaceSubrange(doubled, with: ".qkv.")
        return base
    }

    /// The tensors of the same network without adapters.
    ///
    /// - Parameter tensors: the shape of each tensor by its name.
    /// - Returns: the shapes of all tensors that are not an adapter's.
    static func base(of tensors: [String: [Int]]) -> [String: [Int]] {
        var base: [String: [Int]] = [:]
        for (name, shape) in tensors {
            if let name = baseName(of: name) { base[name] = shape }
        }
        return base
    }
}

/// A way to train adapters in a network of SAM's family, by its name on the command line.
public enum AdapterMethod: String, CaseIterable, Sendable {
    /// LoRA alone.
    case lora
    /// LoRA, prompt encoder and mask decoder, as the authors of SAMed train.
    case samed
    /// Bottleneck adapters and mask decoder, as the authors of the Medical SAM Adapter train.
    case msa
    /// Convolutional adapters, prompt encoder and mask decoder, as the authors of SAM-Med2D train.
    case samMed2D = "sammed2d"

    /// The adapter that the method adds.
    ///
    /// - Parameter rank: the rank of LoRA.
    /// - Returns: the adapter in the blocks of the image encoder.
    public func adapter(rank: Int) -> EncoderAdapter {
        switch self {
        case .lora, .samed: .lowRank(rank)
        case .msa: .bottleneck
        case .samMed2D: .convolution
        }
    }

    /// Whether the method also trains the prompt encoder.
    public var trainsPromptEncoder: Bool { self == .samed || self == .samMed2D }

    /// Whether the method also trains the mask decoder.
    public var trainsMaskDecoder: Bool { self != .lora }
}
