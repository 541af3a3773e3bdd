import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@testable import SAMUSModels
@testable import SegmentAnything

@Suite("SAMUS agrees with its authors' program")
struct SAMUSTests {
    static let cases = [
        "one_point", "five_points", "negative_only", "box", "point_and_box", "mask",
    ]

    private let golden: Golden
    private let network: SAMUS

    init() throws {
        golden = try Golden(authors: "samus-tiny/forward")
        network = try Tiny.network()
    }

    private func expect(_ found: Tensor, _ name: String) {
        expectClose(
            golden.sampled(found, as: name), golden[name], absolute: 1e-4, relativeL2: 1e-5, name)
    }

    @Test("every stage of the encoder agrees", arguments: [1, 3])
    func stages(channels: Int) {
        let encoder = network.imageEncoder
        let images = golden["input.image"].expanded([1, channels, 256, 256])
        withoutGrad {
            let patches = OverlappedPatchEmbedding.tokens(of: images, by: encoder.patchEmbed)
            expect(patches, "encoder.patch_embed")
            expect(encoder.inputAdapter(patches), "encoder.input_adapter")
            expect(encoder.postPosEmbed(encoder.posEmbed.value), "encoder.position_adapter")
            var features = encoder.cnnEmbed(images)
            expect(features.permuted([0, 2, 3, 1]), "encoder.cnn_embed")
            var tokens = encoder.embedded(images)
            for (index, block) in encoder.blocks.enumerated() {
                (tokens, features) = block(tokens, features: features)
                expect(tokens, "encoder.block\(index).x")
                expect(features.permuted([0, 2, 3, 1]), "encoder.block\(index).cnn")
            }
            expect(network.encode(images), "encoder.image_embedding")
        }
    }

    @Test("the position encoding of the embedding's cells agrees")
    func positions() {
        expect(network.promptEncoder.densePositions(), "prompt.dense_pe")
    }

    @Test("logits agree for every kind of prompt", arguments: cases)
    func prompts(name: String) {
        let prompts = PromptTensors(
            points: golden.optional("case.\(name).points"),
            labels: golden.optional("case.\(name).labels")?.to(.float32),
            boxes: golden.optional("case.\(name).boxes"),
            masks: golden.optional("case.\(name).mask_input"))
        withoutGrad {
            let (sparse, dense) = network.promptEncoder(prompts)
            expect(sparse, "case.\(name).sparse")
            if golden.optional("case.\(name).dense") != nil {
                expect(dense, "case.\(name).dense")
            }
            let embedding = network.encode(golden["input.image"])
            for (multimask, kind) in [(false, "single"), (true, "multi")] {
                let masks = network.decode(
                    embedding, prompts: prompts, multimask: multimask)
                expect(masks.logits, "case.\(name).\(kind).low_res_logits")
                expect(masks.iou, "case.\(name).\(kind).iou")
                if !multimask {
                    expect(
                        bilinear(masks.logits, height: 256, width: 256),
                        "case.\(name).single.mask_logits_256")
                }
            }
        }
    }

    @Test("names, shapes and trained parameters of the small network agree")
    func smallParameters() throws {
        let sizes = try Tiny.sizes
        let network = Initialization.skipped { SAMUS(sizes) }
        network.setTrainable(by: .samus)
        let expected = try ListedParameter.list("samus-tiny/parameters.json", in: Tiny.folder)
        #expect(ListedParameter.all(of: network) == expected)
    }

    @Test(
        "names, shapes and trained parameters of ViT-B, ViT-L and ViT-H agree",
        .enabled(if: Shared.isPresent, "needs ../shared/golden"))
    func parameters() throws {
        let listed: [(String, SAMConfiguration)] = [
            ("samus-vit_b-parameters.json", .base(imageSize: 256)),
            ("samus-vit_l-parameters.json", .large(imageSize: 256)),
            ("samus-vit_h-parameters.json", .huge(imageSize: 256)),
        ]
        for (file, sizes) in listed {
            let network = Initialization.skipped { SAMUS(sizes) }
            network.setTrainable(by: .samus)
            if sizes.depth > 12 {
                // The authors' program selects the trained tables by the last digits of the block's
                // number, which is wrong for ViT-L and ViT-H, where only the rest can agree.
                for (index, block) in network.imageEncoder.blocks.enumerated() {
                    let isPicked = ["2", "5", "8", "11"].contains { "\(index)".hasSuffix($0) }
                    block.relativePositions.forEach { $0.isTrainable = isPicked }
                }
            }
            let found = ListedParameter.all(of: network)
            let expected = try ListedParameter.list(file, in: Shared.golden)
            #expect(found.symmetricDifference(expected).isEmpty, "\(file)")
        }
        let base = Initialization.skipped { SAMUS(.base(imageSize: 256)) }
        base.setTrainable(by: .samus)
        #expect(base.parameters.map(\.value.elementCount).reduce(0, +) == 133_323_568)
        #expect(base.trainable.map(\.value.elementCount).reduce(0, +) == 39_653_120)
    }

    @Test("inference and training give the same embeddings")
    func cachedValues() {
        let images = Tensor.uniform([3, 1, 256, 256], generator: Generator(seed: 5))
        let recorded = network.encode(images)
        let fast = withoutGrad { network.encode(images) }
        expectClose(fast, recorded, absolute: 0, relativeL2: 1e-5)
        // Cached values are recomputed after the weights change.
        withoutGrad {
            let scale = network.imageEncoder.posEmbed.value
            scale.assign(from: scale * 1.5)
            network.imageEncoder.patchEmbed.proj.weight.value.assign(
                from: network.imageEncoder.patchEmbed.proj.weight.value * 0.5)
        }
        let changed = withoutGrad { network.encode(images) }
        #expect(Difference(changed, fast).relativeL2 > 1e-2)
        expectClose(changed, network.encode(images), absolute: 0, relativeL2: 1e-5)
    }

    @Test("several threads can encode with one network at the same time")
    func threads() async throws {
        let images = golden["input.image"]
        let alone = withoutGrad { network.encode(images) }
        // This network has no cached values yet.
        let fresh = try Tiny.network()
        await withTaskGroup(of: Tensor.self) { group in
            for _ in 0..<4 {
                nonisolated(unsafe) let network = fresh
                group.addTask { withoutGrad { network.encode(images) } }
            }
            for await found in group {
                expectClose(found, alone, absolute: 0, relativeL2: 1e-6)
            }
        }
    }

    @Test(
        "ViT-B with weights from a formula agrees from image to mask",
        .enabled(if: Shared.isPresent, "needs ../shared/golden"))
    func base() throws {
        let golden = try Golden(
            file: Shared.folder.appending(path: "golden/samus-vitb-formula/forward.safetensors"))
        let network = Initialization.skipped { SAMUS(.base(imageSize: 256)) }
        try network.load(FormulaWeights(for: network))
        withoutGrad {
            let embedding = network.encode(golden["input.image"])
            let prompts = PromptTensors(
                points: golden["points"], labels: golden["labels"].to(.float32))
            let single = network.decode(embedding, prompts: prompts)
            let multi = network.decode(embedding, prompts: prompts, multimask: true)
            for (found, name) in [
                (embedding, "image_embedding"), (single.logits, "single.low_res_logits"),
                (single.iou, "single.iou"), (multi.logits, "multi.low_res_logits"),
                (multi.iou, "multi.iou"),
            ] {
                // The estimate is near zero, a sum of 256 products that cancel; its rounding error
                // depends on their size.
                expectClose(
                    found, golden[name], absolute: name.hasSuffix("iou") ? 1e-6 : 0,
                    relativeL2: 2e-5, name)
            }
        }
    }
}
