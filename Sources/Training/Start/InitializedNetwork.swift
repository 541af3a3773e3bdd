import Checkpoints
import Foundation
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// A network to be trained, with its initial weights and where they come from.
public struct InitializedNetwork {
    /// The network.
    public let network: any SegmentationNetwork
    /// Its architecture.
    public let architecture: ModelArchitecture
    /// Its sizes.
    public let configuration: ModelConfiguration
    /// Where its weights come from, in words.
    public let origin: String
    /// SHA-256 of the files they come from, by file name.
    public let sources: [String: String]
    /// The licences that these files state; nil where they state none.
    public let licence: String?

    /// Makes a network and initializes its weights.
    ///
    /// - Parameters:
    ///   - architecture: the architecture; nil for that of the checkpoint.
    ///   - configuration: sizes of a network that starts from no checkpoint, or from one of another
    ///     architecture; nil for those that follow from the checkpoint's.
    ///   - checkpoint: weights to start from: the same architecture's, or those of one in
    ///     `ModelArchitecture.startsFrom`.
    ///   - adapter: the adapter of the image encoder; nil for that of the weights, or the published
    ///     one of the architecture.
    ///   - method: the method that needs the adapter, for messages.
    ///   - inputSize: height and width of the input; nil for that of the weights, or the published.
    ///   - decoder: weights whose prompt encoder and mask decoder replace the network's own.
    ///   - seed: seed of the weights that no checkpoint has.
    /// - Throws: ``TrainingError/start(_:)`` where these do not go together, `ConfigurationError`,
    ///   `ModuleLoadError` and `CheckpointError` where a file does not fit or cannot be read.
    public init(
        _ architecture: ModelArchitecture?, configuration: ModelConfiguration?,
        from checkpoint: Checkpoint?, adapter: EncoderAdapter? = nil,
        method: AdapterMethod? = nil, inputSize: Int? = nil, decoder: Checkpoint? = nil,
        seed: UInt64
    ) throws {
        var origins: [String] = []
        var sources: [String: String] = [:]
        if let checkpoint {
            let start = try StartedNetwork(
                architecture, configuration, from: checkpoint, adapter: adapter, method: method,
                inputSize: inputSize, seed: seed)
            network = start.network
            self.architecture = start.architecture
            self.configuration = start.configuration
            origins.append(
                "started from \(Self.name(checkpoint))"
                    + (start.isLoaded ? "" : ", what that lacks new with seed \(seed)"))
            sources[Self.name(checkpoint)] = try checkpoint.sha256
        } else {
            guard let architecture else {
                throw TrainingError.start("name a network, or weights to start from")
            }
            guard let configuration = configuration ?? architecture.defaultConfiguration else {
                throw TrainingError.start("a new \(architecture.rawValue) needs its sizes")
            }
            network = Initialization.seeded(seed) {
                NetworkRegistry.make(architecture, configuration)
            }
            self.architecture = architecture
            self.configuration = configuration
            origins.append("new weights, seed \(seed)")
        }
        if let decoder {
            try Self.loadDecoder(of: decoder, into: network)
            origins.append("prompt encoder and mask decoder of \(Self.name(decoder))")
            sources[Self.name(decoder)] = try decoder.sha256
        }
        if network.isTrainedChannelsLast { network.useChannelsLast() }
        origin = origins.joined(separator: "; ")
        var licences: [String] = []
        for stated in [checkpoint, decoder].compactMap({ $0?.metadata["license"] })
        where !licences.contains(stated) {
            licences.append(stated)
        }
        licence = licences.isEmpty ? nil : licences.joined(separator: " AND ")
        self.sources = sources
    }

    private static func name(_ checkpoint: Checkpoint) -> String {
        let file = URL(fileURLWithPath: checkpoint.path)
        let folder = file.deletingLastPathComponent().lastPathComponent
        // The weights of every bundle have the same name.
        return folder.hasSuffix(".samus")
            ? "\(folder)/\(file.lastPathComponent)" : file.lastPathComponent
    }

    /// Loads prompt encoder and mask decoder.
    private static func loadDecoder(
        of checkpoint: Checkpoint, into network: any SegmentationNetwork
    ) throws {
        guard let promptable = network as? any PromptableNetwork else {
            throw TrainingError.start("--decoder-from: this network has no mask decoder")
        }
        let values = network.namedValues(in: [promptable.promptEncoder, promptable.maskDecoder])
        let wrong = values.filter { checkpoint.shape(of: $0.name) != $0.value.value.shape }
        guard wrong.isEmpty else {
            throw TrainingError.start(
                "the decoder of '\(checkpoint.path)' does not fit: \(wrong.count) of "
                    + "\(values.count) tensors are missing or have another shape, first "
                    + "'\(wrong[0].name)'")
        }
        try withoutGrad {
            for (name, value) in values {
                try checkpoint.read(name, into: value.value.detached())
            }
        }
    }
}

extension InitializedNetwork {
    /// Whether a weight of the image encoder is trained.
    public var isEncoderTrained: Bool {
        network.imageEncoderModule.parameters.contains(where: \.isTrainable)
    }
}
