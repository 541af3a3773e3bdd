import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite("AutoSAMUS agrees with its authors' program")
struct AutoSAMUSGoldenTests {
    @Test("names, shapes and trained parameters of the small network agree")
    func parameters() throws {
        let sizes = try Tiny.sizes
        try expectParameters(
            sizes, ListedParameter.list("autosamus-tiny/parameters.json", in: Tiny.folder),
            trained: 1_067_344)
    }

    @Test(
        "names, shapes and trained parameters of ViT-B agree",
        .enabled(if: Shared.isPresent, "needs ../shared/golden"))
    func baseParameters() throws {
        try expectParameters(
            .base(imageSize: 256),
            ListedParameter.list("autosamus-vit_b-parameters.json", in: Shared.golden),
            trained: 8_861_312)
    }

    private func expectParameters(
        _ sizes: SAMConfiguration, _ expected: Set<ListedParameter>, trained: Int
    ) {
        let network = Initialization.skipped { AutoSAMUS(sizes) }
        network.setTrainable(by: .autosamus)
        #expect(ListedParameter.all(of: network).symmetricDifference(expected).isEmpty)
        #expect(network.trainable.map(\.value.elementCount).reduce(0, +) == trained)
    }

    @Test("the whole network agrees from image to logits")
    func network() throws {
        let golden = try Golden(authors: "autosamus-tiny/forward")
        let network = try Tiny.autoNetwork()
        let masks = try withoutGrad {
            try #require(network.decodePromptFree(network.encode(golden["input.image"])))
        }
        // The authors' result in single precision differs from double precision by 2.8e-5.
        expectClose(
            golden.sampled(masks.logits, as: "low_res_logits"), golden["low_res_logits"],
            absolute: 0,
            relativeL2: 5e-5)
    }

    @Test("prompt generator and feature adapter agree")
    func generator() throws {
        let model = try TinyModel()
        let found = withoutGrad {
            model.parts.outputs(
                image: model.golden["image_embedding"],
                outputTokens: model.maskDecoder.outputTokens)
        }
        for (name, tensor) in found {
            expectClose(tensor, model.golden[name], absolute: 1e-4, relativeL2: 1e-5, name)
        }
    }

    @Test("the feature adapter alone agrees")
    func adapter() throws {
        let model = try TinyModel()
        let found = withoutGrad {
            model.parts.featureAdapter(model.golden["new_image_embedding"])
        }
        expectClose(found, model.golden["dense_prompt"], absolute: 1e-4)
    }

    @Test("the decoder uses its own output tokens and the new image")
    func decoder() throws {
        let model = try TinyModel()
        model.expectLogits(
            image: model.golden["new_image_embedding"], sparse: model.golden["object_token"],
            dense: model.golden["dense_prompt"])
    }

    @Test("the network agrees from the image embedding to the logits")
    func chain() throws {
        let model = try TinyModel()
        let (sparse, _, image) = withoutGrad {
            model.parts.promptGenerator(
                image: model.golden["image_embedding"],
                outputTokens: model.maskDecoder.outputTokens)
        }
        let dense = withoutGrad { model.parts.featureAdapter(image) }
        // The authors' result in single precision differs from double precision by 2.8e-5.
        model.expectLogits(image: image, sparse: sparse, dense: dense, relativeL2: 5e-5)
    }
}

/// The tiny AutoSAMUS after its image encoder, with the authors' values.
private struct TinyModel {
    let golden: Golden
    let parts = AutoSAMUSParts(width: 32)
    let promptEncoder = PromptEncoder(width: 32, inputSize: 256, embeddingSize: 32)
    let maskDecoder = MaskDecoder(
        width: 32,
        transformer: TwoWayTransformer(depth: 2, width: 32, heads: 4, mlpWidth: 64),
        candidates: 3, iouDepth: 3, iouWidth: 32)

    init() throws {
        golden = try Golden(authors: "autosamus-tiny/forward")
        try parts.load(Tiny.addedWeights())
        let samus = try Golden(authors: "samus-tiny/weights")
        try promptEncoder.load(samus.section("prompt_encoder").state)
        try maskDecoder.load(samus.section("mask_decoder").state)
        for module in [parts, promptEncoder, maskDecoder] {
            module.evaluate()
        }
    }

    func expectLogits(
        image: Tensor, sparse: Tensor, dense: Tensor, relativeL2: Double = 1e-5
    ) {
        withoutGrad {
            let logits = maskDecoder(
                image: image, positions: promptEncoder.densePositions(), sparse: sparse,
                dense: dense, multimask: false
            ).logits
            expectClose(
                golden.sampled(logits, as: "low_res_logits"), golden["low_res_logits"],
                absolute: 1e-4, relativeL2: relativeL2,
                "at low resolution")
            expectClose(
                golden.sampled(
                    bilinear(logits, height: 256, width: 256), as: "mask_logits_256"),
                golden["mask_logits_256"], absolute: 1e-4, relativeL2: relativeL2,
                "at full resolution")
        }
    }
}
