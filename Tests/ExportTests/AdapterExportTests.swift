import Checkpoints
import Foundation
import Imaging
import Inference
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchEngine
import TorchNN

@testable import Export

@Suite(
    "LoRA is merged into the weights on export", .serialized,
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct AdapterExportTests {
    private static let rank = 3

    private static func configuration(_ architecture: ModelArchitecture) -> ModelConfiguration {
        guard architecture != .liteMedSAM else {
            return architecture.published[0].adapted(by: .lowRank(rank))
        }
        var sizes = SAMConfiguration(
            width: 48, depth: 4, heads: 3, globalBlocks: [1, 3], imageSize: 128)
        sizes.windowSize = 3
        sizes.decoder.width = 32
        sizes.decoder.mlpWidth = 64
        sizes.decoder.heads = 4
        sizes.decoder.iouWidth = 32
        sizes.adapter = .lowRank(rank)
        return .sam(
            architecture == .samed
                ? ModelArchitecture.samedSizes(sizes, classes: 1, rank: rank) : sizes)
    }

    /// A network whose LoRA changes the result.
    private func network(_ architecture: ModelArchitecture) -> any SegmentationNetwork {
        let network = Initialization.seeded(5) {
            NetworkRegistry.make(architecture, Self.configuration(architecture))
        }
        withoutGrad {
            for (name, parameter) in network.namedParameters() where name.contains("linear_b_") {
                let shape = parameter.value.shape
                parameter.value.detached().assign(
                    from: .normal(shape, generator: Generator(seed: 6)) * 0.3)
            }
        }
        return network
    }

    private func checkpoint(
        _ network: any SegmentationNetwork, _ architecture: ModelArchitecture, at path: String
    ) throws -> Checkpoint {
        var metadata = [
            Checkpoint.architectureKey: architecture.rawValue, "samus.origin": "made by a test",
        ]
        metadata[SAMConfiguration.metadataKey] = Self.configuration(architecture).metadata
        try Safetensors.write(
            network.namedValues().map { ($0.name, StoredTensor($0.value.value)) },
            metadata: metadata, to: path)
        return try Checkpoint.read(path)
    }

    private func description(
        _ architecture: ModelArchitecture, _ configuration: ModelConfiguration
    ) -> ModelDescription {
        ModelDescription(
            name: "adapted", architecture: architecture,
            network: .init(
                encoder: configuration.encoderName, inputSize: configuration.inputSize,
                candidates: configuration.candidates, parameters: 1),
            sha256: String(repeating: "0", count: 64), licence: nil, origin: "made by a test")
    }

    private func relativeDifference(_ found: MaskPrediction, _ expected: MaskPrediction) -> Double {
        let difference = zip(found.logits.values, expected.logits.values)
            .reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let length = expected.logits.values.reduce(0.0) { $0 + Double($1 * $1) }
        return (difference / length).squareRoot()
    }

    @Test(
        "the bundle, and the merged network on libtorch, give the results of the unmerged network",
        arguments: [ModelArchitecture.sam, .medSAM, .liteMedSAM, .samed])
    func merged(architecture: ModelArchitecture) throws {
        let folder = try TemporaryFolder()
        let adapted = network(architecture)
        let checkpoint = try checkpoint(
            adapted, architecture, at: folder.url.appending(path: "adapted.safetensors").path)
        #expect(checkpoint.architecture == architecture)
        let sizes = try checkpoint.configuration(of: architecture)
        #expect(sizes == Self.configuration(architecture))
        let model = description(architecture, sizes)
        let exporter = try Exporter(checkpoint: checkpoint, model: model, program: "tests")
        let url = folder.url.appending(path: "adapted.samus")
        try exporter.writeBundle(named: "adapted", precision: .float32, to: url.path)

        adapted.setTrainable(false)
        adapted.evaluate()
        adapted.foldBatchNorms()
        let unmerged = TorchSegmentationEngine(
            network: adapted, inputSize: sizes.inputSize, model: model)
        let onLibtorch = try TorchSegmentationEngine(checkpoint: checkpoint, model: model)
        let bundle = try BundleEngine(ModelBundle(url), cache: nil)
        let image = smoothImage()
        let prompt = try Prompt(
            foregroundPoints: [PixelPoint(x: 30, y: 22)],
            box: PixelRectangle(x0: 12, y0: 9, x1: 70, y1: 55)
        ).checked(for: image.size)
        func mask(_ engine: any SegmentationEngine) throws -> MaskPrediction {
            let encoded = try engine.encode(image)
            return architecture.isPromptFree
                ? try encoded.predictPromptFree()
                : try encoded.predict([prompt], multimask: false)[0][0]
        }
        let expected = try mask(unmerged)
        #expect(relativeDifference(try mask(onLibtorch), expected) < 1e-5)
        #expect(relativeDifference(try mask(bundle), expected) < 1e-5)
        // LoRA with zeros gives other masks: the comparison would notice its absence.
        withoutGrad {
            for (name, parameter) in adapted.namedParameters() where name.contains("linear_b_") {
                parameter.value.detached().fill(with: 0.0)
            }
        }
        #expect(relativeDifference(try mask(unmerged), expected) > 1e-3)

        let manifest = try ModelBundle(url).manifest
        #expect(!manifest.encoder.contains("LoRA"))
        #expect(manifest.origin == "made by a test; LoRA of rank 3 merged")
        let weights = try Checkpoint.read(url.appending(path: "weights.safetensors").path)
        #expect(weights.architecture == architecture)
        #expect(
            try weights.configuration(of: architecture)
                == Self.configuration(architecture).adapted(by: nil))
        #expect(weights.names.allSatisfy { EncoderAdapter.baseName(of: $0) == $0 })
        #expect(manifest.parameters == weights.parameterCount)
    }
}
