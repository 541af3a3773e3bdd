import Checkpoints
import Imaging
import Segmentation
import TorchNN

/// Writes a network's weights as a file that the other commands take, with metadata that state what
/// the weights are.
struct TrainedWeights {
    let architecture: ModelArchitecture
    let configuration: ModelConfiguration
    /// How the weights were made.
    let origin: String
    let licence: String?
    /// The kinds of prompt that the network was trained with.
    let prompts: Set<PromptKind>
    /// The classes that it segments at once; nil for a network of one object.
    var classes: [ClassLabel]?

    /// Writes the file.
    ///
    /// - Parameters:
    ///   - network: the network with its present weights.
    ///   - metadata: additions to the metadata that every file has.
    ///   - path: the file to make or replace.
    /// - Throws: `CheckpointError` when it cannot be written.
    func write(_ network: Module, metadata: [String: String], to path: String) throws {
        var metadata = metadata
        metadata["format"] = "pt"
        metadata[Checkpoint.architectureKey] = architecture.rawValue
        metadata[SAMConfiguration.metadataKey] = configuration.metadata
        metadata[EncoderAdapter.metadataKey] = configuration.adapter?.rawValue
        metadata["samus.origin"] = origin
        metadata[PromptKind.metadataKey] = prompts.map(\.rawValue).sorted().joined(separator: ",")
        metadata[ClassLabel.metadataKey] = classes?.metadata
        metadata["license"] = licence
        metadata["samus.notice"] = ResearchNotice.text
        try Safetensors.write(
            network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            metadata: metadata, to: path)
    }
}
