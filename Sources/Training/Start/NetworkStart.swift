import Checkpoints
import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// A network to be trained, with its first weights.
public struct NetworkStart {
    /// The network.
    public let network: any PromptableNetwork
    /// Which network it is.
    public let kind: ModelArchitecture
    /// Its sizes.
    public let sizes: SAMConfiguration
    /// Where its weights come from, in words.
    public let origin: String
    /// SHA-256 of the files they come from.
    public let sources: [String: String]

    /// Makes a network and fills it.
    ///
    /// - Parameters:
    ///   - kind: which network; nil for that of the checkpoint.
    ///   - sizes: of a new network; that of the checkpoint where it has one.
    ///   - checkpoint: weights to start from: the same network's, SAM's for SAMUS and AutoSAMUS,
    ///     SAMUS's for AutoSAMUS.
    ///   - decoder: weights of another network whose prompt encoder and mask decoder are taken.
    ///   - seed: of what is new.
    /// - Throws: ``TrainingError/start(_:)`` where these do not go together, `ConfigurationError`,
    ///   `ModuleLoadError` and `CheckpointError` where a file does not fit or cannot be read.
    public init(
        _ kind: ModelArchitecture?, sizes: SAMConfiguration?, from checkpoint: Checkpoint?,
        decoder: Checkpoint? = nil, seed: UInt64
    ) throws {
        var origins: [String] = []
        var sources: [String: String] = [:]
        if let checkpoint {
            (network, self.kind, self.sizes) = try Self.started(kind, from: checkpoint, seed: seed)
            let isSame = ModelArchitecture(names: checkpoint.names) == self.kind
            origins.append(
                "started from \(Self.name(checkpoint))"
                    + (isSame ? "" : ", what that lacks new with seed \(seed)"))
            sources[Self.name(checkpoint)] = try checkpoint.sha256
        } else {
            guard let kind else { throw TrainingError.start("name a network, or weights") }
            guard let sizes = sizes ?? (kind == .liteMedSAM ? .liteMedSAM : nil) else {
                throw TrainingError.start("a new \(kind.rawValue) needs its sizes")
            }
            network = Initialization.seeded(seed) { SizedNetwork(kind, sizes: sizes).network }
            self.kind = kind
            self.sizes = sizes
            origins.append("new weights, seed \(seed)")
        }
        if let decoder {
            try Self.takeDecoder(of: decoder, into: network)
            origins.append("prompt encoder and mask decoder of \(Self.name(decoder))")
            sources[Self.name(decoder)] = try decoder.sha256
        }
        origin = origins.joined(separator: "; ")
        self.sources = sources
    }

    private static func name(_ checkpoint: Checkpoint) -> String {
        URL(fileURLWithPath: checkpoint.path).lastPathComponent
    }

    private static func started(
        _ kind: ModelArchitecture?, from checkpoint: Checkpoint, seed: UInt64
    ) throws -> (any PromptableNetwork, ModelArchitecture, SAMConfiguration) {
        guard let found = ModelArchitecture(names: checkpoint.names) else {
            throw TrainingError.start(
                "'\(checkpoint.path)' is none of the networks this program knows")
        }
        var sizes = try checkpoint.sizes(of: found)
        guard let kind, kind != found else {
            return (try SizedNetwork(found, checkpoint: checkpoint).network, found, sizes)
        }
        switch (kind, found) {
        case (.samus, .sam), (.autoSAMUS, .sam), (.autoSAMUS, .samus):
            if found == .sam { sizes.imageSize = 256 }
            let network = Initialization.seeded(seed) {
                kind == .autoSAMUS ? AutoSAMUS(sizes) : SAMUS(sizes)
            }
            _ = try SAMInitialization(of: network, from: checkpoint)
            return (network, kind, sizes)
        default:
            throw TrainingError.start(
                "\(kind.rawValue) cannot be started from \(found.rawValue) "
                    + "('\(checkpoint.path)'); its decoder alone can be taken "
                    + "(--decoder-from)")
        }
    }

    /// Fills prompt encoder and mask decoder.
    private static func takeDecoder(
        of checkpoint: Checkpoint, into network: any PromptableNetwork
    ) throws {
        let values = network.namedValues().filter { Recipe.isDecoder($0.name) }
        let wrong = values.filter { checkpoint.shape(of: $0.name) != $0.value.value.shape }
        guard wrong.isEmpty else {
            throw TrainingError.start(
                "the decoder of '\(checkpoint.path)' does not fit: \(wrong.count) of "
                    + "\(values.count) tensors are missing or of another shape, first "
                    + "'\(wrong[0].name)'")
        }
        try withoutGrad {
            for (name, value) in values {
                try checkpoint.read(name, into: value.value.detached())
            }
        }
    }
}

extension SAMConfiguration {
    /// What stands for LiteMedSAM's sizes, of which there is one set: only the input counts.
    static var liteMedSAM: SAMConfiguration { .base(imageSize: LiteMedSAM.inputSize) }
}

extension NetworkStart {
    /// Whether a weight of the image encoder is trained.
    public var isEncoderTrained: Bool {
        network.namedParameters().contains {
            $0.parameter.isTrainable && $0.name.hasPrefix("image_encoder.")
        }
    }
}
