import Checkpoints
import Foundation
import Segmentation
import TestSupport
import TorchEngine
import TorchNN

@testable import Export

/// A small network with weights from a formula; LiteMedSAM with its published weights and
/// samus-lite with random ones, because they have only one size and batch norms that the formula
/// does not cover.
struct ToolNetwork {
    let exporter: Exporter

    /// Makes the network.
    ///
    /// - Parameters:
    ///   - kind: the architecture.
    ///   - width: channels of its embedding; ignored for LiteMedSAM, which has 256.
    /// - Throws: `CheckpointError`, `ModuleLoadError`.
    init(_ kind: ModelArchitecture, width: Int = 256) throws {
        if kind == .samusLite {
            exporter = try Exporter(
                Initialization.seeded(1) { NetworkRegistry.make(kind, .lite(.all)) },
                inputSize: SAMUSLiteParts.inputSize,
                model: ModelDescription(name: "lite", architecture: kind, sha256: "", licence: nil),
                program: "tests")
            return
        }
        exporter = try Exporter(
            checkpoint: kind == .liteMedSAM
                ? Checkpoint.read(
                    Shared.package.appending(
                        path: "Models/litemedsam.samus/weights.safetensors"
                    ).path) : Self.formulaWeights(kind, width: width),
            model: ModelDescription(name: "small", architecture: kind, sha256: "", licence: nil),
            program: "tests")
    }

    private static func formulaWeights(_ kind: ModelArchitecture, width: Int) throws -> Checkpoint {
        var sizes = SAMConfiguration(
            width: 48, depth: 2, heads: 3, globalBlocks: [1],
            imageSize: kind == .sam || kind == .medSAM ? 128 : 64)
        sizes.decoder.width = width
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        let network = Initialization.skipped { NetworkRegistry.make(kind, .sam(sizes)) }
        try network.load(FormulaWeights(for: network))
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("samus-\(UUID()).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Safetensors.write(
            network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            metadata: [
                SAMConfiguration.metadataKey: sizes.json, Checkpoint.architectureKey: kind.rawValue,
            ], to: file)
        return try Checkpoint.read(file)
    }
}
