import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import SAMUSModels

@Suite("samus-lite starts from LiteMedSAM and keeps what it computes")
struct SAMUSLiteTests {
    /// A LiteMedSAM with weights by formula.
    static let source: StateDictionary = {
        Initialization.seeded(1) { LiteMedSAM() }.stateDictionary()
    }()

    private func started(_ parts: SAMUSLiteParts) throws -> (SAMUSLite, WeightTransfer) {
        let network = Initialization.seeded(2) { SAMUSLite(parts) }
        let transfer = try network.transferWeights(from: Self.source)
        network.evaluate()
        return (network, transfer)
    }

    @Test("CNN branch, cross-branch attention and adapters change nothing before training")
    func addedPartsStartAtZero() throws {
        let images = Tensor.uniform([1, 3, 256, 256], generator: Generator(seed: 3))
        let (whole, _) = try started(.all)
        let (bare, _) = try started([])
        let embedding = withoutGrad { whole.encode(images) }
        #expect(embedding.shape == [1, whole.embeddingWidth, 32, 32])
        #expect(whole.embeddingWidth == 1024)
        expectClose(embedding[.all, 0..<256], withoutGrad { bare.encode(images) })
        #expect(embedding[.all, 256...].abs().max().item() == 0)
    }

    @Test("prompt encoder, mask decoder and blocks are copied; stem and window biases are resized")
    func transfer() throws {
        let (network, transfer) = try started(.all)
        #expect(transfer.unused.isEmpty)
        #expect(
            transfer.new.allSatisfy {
                $0.contains("upscaling") && $0.hasPrefix("image_encoder")
                    || $0.contains("cnn_branch") || $0.contains("cross_branch_attention")
                    || $0.contains("feature_adapters") || $0.contains("presence_head")
            })
        #expect(
            transfer.resized.allSatisfy {
                $0.hasSuffix("attention_biases") || $0.contains("patch_embed")
            })
        let values = Dictionary(
            uniqueKeysWithValues: network.namedValues().map { ($0.name, $0.value.value) })
        let own = try #require(values["image_encoder.patch_embed.seq.0.c.weight"])
        let kernel = try tensor("image_encoder.patch_embed.seq.0.c.weight")
        expectClose(own.sum(axes: [2, 3]), kernel.reshaped([32, 3]), absolute: 1e-6)
    }

    @Test(
        "parts are left out by name, and a checkpoint shows which it has",
        arguments: [
            ("feature-adapters", SAMUSLiteParts([.cnnBranch, .crossBranchAttention])),
            ("cross-branch-attention", [.cnnBranch, .featureAdapters]),
            // There is nothing to attend to.
            ("cnn-branch", .featureAdapters), ("cnn-branch,feature-adapters", []),
        ] as [(String, SAMUSLiteParts)])
    func without(names: String, parts: SAMUSLiteParts) throws {
        #expect(SAMUSLiteParts(without: names) == parts)
        let network = Initialization.skipped { SAMUSLite(parts) }
        #expect(SAMUSLiteParts(tensorNames: network.namedValues().map(\.name)) == parts)
    }

    @Test("unknown parts are refused", arguments: ["", "cnn", "cnn-branch,", "Cnn-branch"])
    func unknownParts(names: String) {
        #expect(SAMUSLiteParts(without: names) == nil)
    }

    @Test("a LiteMedSAM that lacks a block is refused")
    func truncated() {
        let partial = StateDictionaryWithout(name: "image_encoder.layers.2.blocks.5")
        #expect(throws: ModuleLoadError.self) {
            try SAMUSLite().transferWeights(from: partial)
        }
    }

    @Test("attention biases keep their distance in cells; larger distances have the largest's")
    func biases() throws {
        let name = "image_encoder.layers.2.blocks.0.attn.attention_biases"
        let (network, _) = try started([])
        let resized = try #require(network.namedValues().first { $0.name == name }).value.value
        let old = try tensor(name).reshaped([5, 14, 14])
        let new = resized.reshaped([5, 16, 16])
        expectClose(new[.all, 0..<14, 0..<14], old)
        expectClose(new[.all, 15, 3], old[.all, 13, 3])
        expectClose(new[.all, 15, 15], old[.all, 13, 13])
    }

    @Test("the parts of a network are detected from its tensors", arguments: 0..<8)
    func detection(bits: Int) {
        var parts = SAMUSLiteParts(rawValue: bits)
        let network = Initialization.skipped { SAMUSLite(parts) }
        // Without a CNN branch there is nothing to attend to.
        if !parts.contains(.cnnBranch) { parts.remove(.crossBranchAttention) }
        #expect(SAMUSLiteParts(tensorNames: network.namedValues().map(\.name)) == parts)
    }

    @Test("features are packed as PyTorch's pixel_unshuffle packs them")
    func packing() {
        let features = Tensor.arange(to: 2 * 4 * 4).reshaped([1, 2, 4, 4])
        let packed = MaskDecoder.packed(features, by: 2)
        #expect(packed.shape == [1, 8, 2, 2])
        // torch.nn.functional.pixel_unshuffle(torch.arange(32.).reshape(1, 2, 4, 4), 2)
        #expect(
            packed.floats() == [
                0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15,
                16, 18, 24, 26, 17, 19, 25, 27, 20, 22, 28, 30, 21, 23, 29, 31,
            ])
        expectClose(MaskDecoder.unpacked(packed, by: 2), features)
    }

    @Test("fine features are added before the activations of the upscaling")
    func fineFeatures() throws {
        let network = Initialization.seeded(4) { SAMUSLite() }
        network.evaluate()
        let coarse = Tensor.uniform([1, 256, 32, 32], generator: Generator(seed: 5))
        let prompts = PromptTensors(
            points: Tensor([Float(100), 90], shape: [1, 1, 2]), labels: .ones([1, 1]))
        let (without, zeros, ones) = withoutGrad {
            (
                network.decode(coarse, prompts: prompts),
                network.decode(
                    .concatenate([coarse, .zeros([1, 768, 32, 32])], axis: 1), prompts: prompts),
                network.decode(
                    .concatenate([coarse, .ones([1, 768, 32, 32])], axis: 1), prompts: prompts)
            )
        }
        expectClose(zeros.logits, without.logits)
        expectClose(ones.iou, without.iou)
        #expect((ones.logits - without.logits).abs().max().item() > 1e-3)
        #expect(without.presence?.shape == [1, 1])
    }

    private func tensor(_ name: String) throws -> Tensor {
        let shape = try #require(Self.source.shape(of: name))
        let tensor = Tensor.empty(shape)
        try Self.source.read(name, into: tensor)
        return tensor
    }
}

/// The weights of ``SAMUSLiteTests/source`` without those of one module.
private struct StateDictionaryWithout: TensorSource {
    let name: String
    private var source: StateDictionary { SAMUSLiteTests.source }
    var names: [String] { source.names.filter { !$0.hasPrefix(name) } }

    func shape(of tensor: String) -> [Int]? {
        tensor.hasPrefix(name) ? nil : source.shape(of: tensor)
    }

    func dtype(of tensor: String) -> DType? { source.dtype(of: tensor) }

    func read(_ tensor: String, into target: Tensor) throws {
        try source.read(tensor, into: target)
    }
}
