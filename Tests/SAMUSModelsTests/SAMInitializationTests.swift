import Segmentation
import TestSupport
import Testing
import Torch

@testable import SAMUSModels
@testable import SegmentAnything
@testable import TorchNN

@Suite("SAMUS and AutoSAMUS are initialized from other weights")
struct SAMInitializationTests {
    /// Deep enough for block numbers of two digits, some of them global.
    private static var sizes: SAMConfiguration {
        var sizes = SAMConfiguration(
            width: 16, depth: 14, heads: 2, globalBlocks: [2, 5, 8, 11, 12, 13], imageSize: 1024)
        sizes.decoder.width = 16
        sizes.decoder.heads = 2
        sizes.decoder.mlpWidth = 32
        sizes.decoder.iouWidth = 16
        return sizes
    }

    private static var samusSizes: SAMConfiguration {
        var sizes = sizes
        sizes.imageSize = 256
        return sizes
    }

    private func sam() throws -> StateDictionary {
        let sam = SAM(Self.sizes)
        try sam.load(FormulaWeights(for: sam))
        return sam.stateDictionary()
    }

    private func start(
        seed: UInt64, from source: StateDictionary
    ) throws -> (StateDictionary, WeightTransfer) {
        let network = Initialization.seeded(seed) { SAMUS(Self.samusSizes) }
        let report = try network.transferWeights(from: source)
        return (network.stateDictionary(), report)
    }

    @Test("copied tensors are equal, tables are resized as by torch, the rest depends on the seed")
    func fromSAM() throws {
        let source = try sam()
        let (found, report) = try start(seed: 1, from: source)
        for name in report.copied {
            #expect(found[name]?.floats() == source[name]?.floats(), "\(name)")
        }
        let tables = Self.sizes.globalBlocks.flatMap { index in
            ["h", "w"].map { "image_encoder.blocks.\(index).attn.rel_pos_\($0)" }
        }
        #expect(report.resized == tables)
        for name in tables {
            let table = try #require(source[name])
            #expect(table.shape == [127, 8])
            // Computed by another operator than in the code, along one axis instead of two.
            let resized = try attempt(
                "upsample_linear1d",
                [table.transposed(0, 1).unsqueezed(0), [63], false, nil as Double?])[0]
            let made = try #require(found[name])
            expectClose(made, resized[0].transposed(0, 1), absolute: 1e-6, name)
        }
        let own = SAMUS(Self.samusSizes)
        #expect(report.new == own.namedValues(in: own.addedModules).map(\.name))
        #expect(report.unused == [])
        #expect(report.copied.count + report.resized.count == source.names.count)
        #expect(found["image_encoder.pos_embed"]?.shape == [1, 64, 64, 16])

        let (again, _) = try start(seed: 1, from: source)
        let (other, _) = try start(seed: 2, from: source)
        for name in report.new {
            #expect(again[name]?.floats() == found[name]?.floats(), "\(name)")
        }
        #expect(report.new.contains { other[$0]?.floats() != found[$0]?.floats() })
    }

    @Test("AutoSAMUS copies all of SAMUS and keeps its own initial weights")
    func fromSAMUS() throws {
        let samus = SAMUS(Self.samusSizes)
        let source = samus.stateDictionary()
        let network = AutoSAMUS(Self.samusSizes)
        let before = network.stateDictionary()
        let report = try network.transferWeights(from: source)
        #expect(Set(report.copied) == Set(source.names))
        #expect(report.resized == [])
        let found = network.stateDictionary()
        for name in found.names {
            let expected = source[name] ?? before[name]
            #expect(found[name]?.floats() == expected?.floats(), "\(name)")
        }
        #expect(report.new.allSatisfy { $0.hasPrefix("prompt_g") || $0.hasPrefix("feature_a") })
    }

    @Test("unused tensors are listed; missing ones are refused before anything changes")
    func refusals() throws {
        var source = try sam()
        source["adapter"] = .ones([1])
        #expect(try start(seed: 1, from: source).1.unused == ["adapter"])
        source["mask_decoder.iou_token.weight"] = nil
        source["image_encoder.pos_embed"] = .ones([1, 16, 16, 16])
        // The table of a windowed block must have the same length.
        source["image_encoder.blocks.0.attn.rel_pos_h"] = .ones([127, 8])
        let network = SAMUS(Self.samusSizes)
        let before = network.stateDictionary()
        let error = #expect(throws: ModuleLoadError.self) {
            try network.transferWeights(from: source)
        }
        #expect(error?.missing == ["mask_decoder.iou_token.weight"])
        #expect(error?.unexpected == [])
        #expect(
            error?.shapeMismatches.map(\.name) == [
                "image_encoder.pos_embed", "image_encoder.blocks.0.attn.rel_pos_h",
            ])
        let after = network.stateDictionary()
        for name in before.names {
            #expect(after[name]?.floats() == before[name]?.floats(), "\(name)")
        }
    }
}
