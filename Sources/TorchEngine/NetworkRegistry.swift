import Baselines
import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// The layers of every architecture in `ModelArchitecture.all`.
public enum NetworkRegistry {
    /// The classes with the layers.
    static let networks: [any SegmentationNetwork.Type] = [
        SAM.self, SAMUS.self, AutoSAMUS.self, SAMUSLite.self, LiteMedSAM.self,
        MedSAM.self, SAMed.self, MedicalSAMAdapter.self, MedicalSAMAdapter2023.self, SAMMed2D.self,
        UNet.self, BilinearUNet.self, CENet.self, CPFNet.self, SETR.self, CANet.self, FATNet.self,
        TransFuse.self, SwinUNet.self, TransUNet.self, MISSFormer.self, H2Former.self, AAUNet.self,
    ]

    private static func network(of architecture: ModelArchitecture) -> any SegmentationNetwork.Type
    {
        guard let found = networks.first(where: { $0.architecture == architecture }) else {
            preconditionFailure("\(architecture.rawValue) is not listed in NetworkRegistry")
        }
        return found
    }

    /// Makes a network with new weights.
    ///
    /// - Parameters:
    ///   - architecture: the network's architecture.
    ///   - configuration: the network's sizes.
    /// - Returns: a network in training mode.
    public static func make(
        _ architecture: ModelArchitecture, _ configuration: ModelConfiguration
    ) -> any SegmentationNetwork {
        network(of: architecture).make(configuration)
    }

    /// The sizes of a network that is initialized from another architecture's weights.
    ///
    /// - Parameters:
    ///   - architecture: the architecture of the new network.
    ///   - source: the sizes of the other network.
    ///   - origin: the other network's architecture.
    /// - Returns: the sizes of the new network.
    public static func configuration(
        of architecture: ModelArchitecture, startingFrom source: ModelConfiguration,
        of origin: ModelArchitecture
    ) -> ModelConfiguration {
        network(of: architecture).configuration(startingFrom: source, of: origin)
    }

    /// The network in a checkpoint, with its weights.
    ///
    /// - Parameters:
    ///   - architecture: the architecture of the checkpoint.
    ///   - checkpoint: the weights; they are in memory once.
    /// - Returns: the network and its sizes.
    /// - Throws: `ConfigurationError` when the tensors do not determine the sizes,
    ///   `ModuleLoadError` when names, shapes or types do not agree, `CheckpointError` when the
    ///   file cannot be read.
    public static func load(
        _ architecture: ModelArchitecture, from checkpoint: Checkpoint
    ) throws -> (network: any SegmentationNetwork, configuration: ModelConfiguration) {
        let configuration = try checkpoint.configuration(of: architecture)
        if case .sam(let sizes) = configuration, let classes = sizes.classes, classes != 1 {
            throw ConfigurationError.severalClasses(classes)
        }
        let network = Initialization.skipped { make(architecture, configuration) }
        try network.load(checkpoint)
        return (network, configuration)
    }

    /// The network in a checkpoint for inference: LoRA is merged into the weights, which gives the
    /// same results without its layers.
    ///
    /// - Parameters:
    ///   - architecture: the architecture of the checkpoint.
    ///   - checkpoint: the weights.
    /// - Returns: the network and its sizes without LoRA.
    /// - Throws: the errors of ``load(_:from:)``.
    public static func loadMerged(
        _ architecture: ModelArchitecture, from checkpoint: Checkpoint
    ) throws -> (network: any SegmentationNetwork, configuration: ModelConfiguration) {
        let (adapted, configuration) = try load(architecture, from: checkpoint)
        guard case .lowRank = configuration.adapter else { return (adapted, configuration) }
        let plain = configuration.adapted(by: nil)
        let network = Initialization.skipped { make(architecture, plain) }
        try network.load(adapted.mergedStateDictionary())
        return (network, plain)
    }

    /// A network initialized from the weights of another architecture, or from its own without the
    /// adapter or with another input size.
    ///
    /// - Parameters:
    ///   - architecture: the architecture of the new network.
    ///   - source: the same architecture, or one in `ModelArchitecture.startsFrom`.
    ///   - checkpoint: weights of the source.
    ///   - configuration: the network's sizes; nil for those that follow from the source's.
    ///   - seed: seed of the weights that the source does not have.
    /// - Returns: the network, its sizes, and where each weight comes from.
    /// - Throws: `ConfigurationError`, `ModuleLoadError` and `CheckpointError` as
    ///   ``load(_:from:)`` does.
    public static func start(
        _ architecture: ModelArchitecture, from source: ModelArchitecture, checkpoint: Checkpoint,
        configuration: ModelConfiguration? = nil, seed: UInt64
    ) throws -> (
        network: any SegmentationNetwork, configuration: ModelConfiguration,
        transfer: WeightTransfer
    ) {
        precondition(
            architecture == source || architecture.startsFrom.contains(source),
            "\(architecture.rawValue) does not start from \(source.rawValue)")
        let type = network(of: architecture)
        let configuration =
            try configuration
            ?? type.configuration(
                startingFrom: checkpoint.configuration(of: source), of: source)
        let network = Initialization.seeded(seed) { type.make(configuration) }
        return (network, configuration, try network.transferWeights(from: checkpoint))
    }
}
