import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A network and the size of the input it takes.
public struct SizedNetwork {
    /// The network.
    public let network: any PromptableNetwork
    /// Height and width of its input in pixels.
    public let inputSize: Int
}

extension SizedNetwork {
    /// The network of a kind, with weights still to be loaded.
    ///
    /// - Parameters:
    ///   - kind: which network.
    ///   - sizes: of a network of SAM's family; LiteMedSAM has only one.
    public init(_ kind: ModelArchitecture, sizes: SAMConfiguration) {
        switch kind {
        case .sam:
            network = SAM(sizes)
            inputSize = sizes.imageSize
        case .samus:
            network = SAMUS(sizes)
            inputSize = sizes.imageSize
        case .autoSAMUS:
            network = AutoSAMUS(sizes)
            inputSize = sizes.imageSize
        case .liteMedSAM:
            network = LiteMedSAM()
            inputSize = LiteMedSAM.inputSize
        }
    }

    /// The network that a checkpoint belongs to, with its weights.
    ///
    /// - Parameters:
    ///   - kind: which network.
    ///   - checkpoint: its weights; they are held once.
    /// - Throws: `ConfigurationError` when its sizes cannot be told, `ModuleLoadError` when names,
    ///   shapes or types do not fit, `CheckpointError` when it cannot be read.
    public init(_ kind: ModelArchitecture, checkpoint: Checkpoint) throws {
        let sizes = try checkpoint.sizes(of: kind)
        self = Initialization.skipped { SizedNetwork(kind, sizes: sizes) }
        try network.load(checkpoint)
    }
}

/// Named tensors under other names: with a first part more, or one less.
struct RenamedTensors: TensorSource {
    /// The names after the change.
    let names: [String]
    /// What was done; nil for nothing.
    let renaming: String?
    private let source: any TensorSource
    private let original: [String: String]

    private init(
        _ source: any TensorSource, renaming: String?, _ rename: (String) -> String
    ) {
        names = source.names.map(rename)
        original = Dictionary(zip(names, source.names)) { first, _ in first }
        self.renaming = renaming
        self.source = source
    }

    /// The tensors as they are, and under the names that programs around a network give them.
    static func forms(of source: some TensorSource) -> [RenamedTensors] {
        var forms = [RenamedTensors(source, renaming: nil) { $0 }]
        let encoder = "image_encoder."
        if source.names.contains(where: { $0.hasPrefix("blocks.") || $0.hasPrefix("patch_embed.") })
        {
            forms.append(
                RenamedTensors(source, renaming: "under names with '\(encoder)' before them") {
                    encoder + $0
                })
        }
        // A network inside another: all, or almost all, names begin alike.
        let firsts = source.names.compactMap { name in
            name.firstIndex(of: ".").map { String(name[...$0]) }
        }
        let counts = Dictionary(grouping: firsts) { $0 }.mapValues(\.count)
        if let (first, count) = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
            first != encoder, 2 * count > source.names.count,
            // It is shown, and must not forge a line.
            first.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 31 })
        {
            forms.append(
                RenamedTensors(source, renaming: "under names without their '\(first)'") {
                    $0.hasPrefix(first) ? String($0.dropFirst(first.count)) : $0
                })
        }
        return forms
    }

    func shape(of name: String) -> [Int]? {
        original[name].flatMap { source.shape(of: $0) }
    }

    func dtype(of name: String) -> DType? {
        original[name].flatMap { source.dtype(of: $0) }
    }

    func read(_ name: String, into target: Tensor) throws {
        try source.read(original[name] ?? name, into: target)
    }
}
