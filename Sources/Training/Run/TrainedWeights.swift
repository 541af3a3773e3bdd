import Checkpoints
import Imaging
import Segmentation
import TorchNN

/// A network's weights as a file that the other commands take, stating what they are.
struct TrainedWeights {
    let kind: ModelArchitecture
    let configuration: ModelConfiguration
    /// How they came about.
    let origin: String
    let licence: String?
    /// The kinds of prompt they were trained with.
    let prompts: Set<PromptKind>

    /// Writes the file.
    ///
    /// - Parameters:
    ///   - network: whose weights as they are now.
    ///   - remarks: besides what every file states.
    ///   - path: the file to make or replace.
    /// - Throws: `CheckpointError` when it cannot be written.
    func write(_ network: Module, remarks: [String: String] = [:], to path: String) throws {
        var metadata = remarks
        metadata["format"] = "pt"
        metadata["samus.kind"] = kind.rawValue
        metadata[SAMConfiguration.metadataKey] = configuration.metadata
        metadata["samus.origin"] = origin
        metadata[PromptKind.metadataKey] = prompts.map(\.rawValue).sorted().joined(separator: ",")
        metadata["license"] = licence
        metadata["samus.notice"] = ResearchNotice.text
        try Safetensors.write(
            network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            metadata: metadata, to: path)
    }
}

extension PromptMix {
    /// The kinds of prompt that a network trained so has seen.
    public var promptKinds: Set<PromptKind> {
        parts.reduce(into: []) { $0.formUnion($1.kind.kinds) }
    }
}
