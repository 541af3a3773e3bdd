import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
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
    public init(_ kind: ModelKind, sizes: SAMConfiguration) {
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
    public init(_ kind: ModelKind, checkpoint: Checkpoint) throws {
        let sizes = try checkpoint.sizes(of: kind)
        self = Initialization.skipped { SizedNetwork(kind, sizes: sizes) }
        try network.load(checkpoint)
    }
}
