import Checkpoints
import Foundation
import Segmentation
import TestSupport
import Torch
import TorchEngine
import TorchNN

@testable import Export

/// A network with weights by formula, small where its kind has sizes, and its exporter.
struct SmallNetwork {
    let exporter: Exporter

    /// Makes the network.
    ///
    /// - Parameters:
    ///   - kind: which one.
    ///   - width: numbers for each place of its embedding; LiteMedSAM has 256.
    /// - Throws: why it cannot be made.
    init(_ kind: ModelKind, width: Int = 256) throws {
        var sizes = SAMConfiguration(
            width: 48, depth: 2, heads: 3, globalBlocks: [1], imageSize: kind == .sam ? 128 : 64)
        sizes.decoder.width = width
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        let network = Initialization.skipped { SizedNetwork(kind, sizes: sizes) }.network
        let weights = FormulaWeights(for: network)
        let tensors = try weights.names.map { name in
            let tensor = Tensor.zeros(weights.shape(of: name) ?? [])
            try weights.read(name, into: tensor)
            return (
                name: name,
                tensor: StoredTensor(tensor)
            )
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Safetensors.write(
            tensors,
            metadata: kind == .liteMedSAM ? [:] : [SAMConfiguration.metadataKey: sizes.json],
            to: file)
        exporter = try Exporter(
            checkpoint: Checkpoint.read(file),
            model: ModelDescription(name: "small", kind: kind, sha256: "", licence: nil),
            program: "tests")
    }
}
