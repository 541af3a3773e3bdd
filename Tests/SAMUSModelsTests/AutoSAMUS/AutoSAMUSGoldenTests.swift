import Foundation
import SAMUSModels
import SegmentAnything
import TestSupport
import Testing
import Torch
import TorchNN

/// A line of the authors' list of parameters.
private struct ListedParameter: Decodable, Equatable {
    let name: String
    let shape: [Int]
    let trainable: Bool

    static func added(in file: String) throws -> [ListedParameter] {
        let data = try Data(contentsOf: Shared.folder.appending(path: "golden/\(file)"))
        return try JSONDecoder().decode([ListedParameter].self, from: data)
            .filter { line in
                ["prompt_generator.", "feature_adapter."].contains { line.name.hasPrefix($0) }
            }
    }
}

@Suite(
    "AutoSAMUS's parts agree with the authors' program",
    .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
struct AutoSAMUSGoldenTests {
    static let lists = [
        (file: "autosamus-tiny/parameters.json", width: 32, count: 1_067_344),
        (file: "autosamus-vit_b-parameters.json", width: 256, count: 8_861_312),
    ]

    @Test("names, shapes and order, all of it trained", arguments: lists)
    func parameters(file: String, width: Int, count: Int) throws {
        let parts = Initialization.skipped { AutoSAMUSParts(width: width) }
        let found = parts.namedParameters().map { name, parameter in
            ListedParameter(
                name: name, shape: parameter.value.shape, trainable: parameter.isTrainable)
        }
        #expect(try found == ListedParameter.added(in: file))
        #expect(parts.namedValues().count == found.count)
        #expect(parts.parameters.map(\.value.elementCount).reduce(0, +) == count)
    }

    @Test("prompt generator and feature adapter")
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

    @Test("feature adapter alone")
    func adapter() throws {
        let model = try TinyModel()
        let found = withoutGrad {
            model.parts.featureAdapter(model.golden["new_image_embedding"])
        }
        expectClose(found, model.golden["dense_prompt"], absolute: 1e-4)
    }

    @Test("the decoder keeps its own tokens and sees the new image")
    func decoder() throws {
        let model = try TinyModel()
        model.expectLogits(
            image: model.golden["new_image_embedding"], sparse: model.golden["object_token"],
            dense: model.golden["dense_prompt"])
    }

    @Test("from the image embedding to the logits")
    func chain() throws {
        let model = try TinyModel()
        let (sparse, _, image) = withoutGrad {
            model.parts.promptGenerator(
                image: model.golden["image_embedding"],
                outputTokens: model.maskDecoder.outputTokens)
        }
        let dense = withoutGrad { model.parts.featureAdapter(image) }
        // Here the authors' single precision is itself 2.8e-5 away from double precision.
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
        let folder = Shared.folder.appending(path: "golden")
        let own = folder.appending(path: "autosamus-tiny")
        golden = try Golden(file: own.appending(path: "forward.safetensors"))
        try parts.load(Golden(file: own.appending(path: "extra-weights.safetensors")).state)
        let samus = try Golden(file: folder.appending(path: "samus-tiny/weights.safetensors"))
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
            let (logits, _) = maskDecoder(
                image: image, positions: promptEncoder.densePositions(), sparse: sparse,
                dense: dense, multimask: false)
            expectClose(
                logits, golden["low_res_logits"], absolute: 1e-4, relativeL2: relativeL2,
                "at low resolution")
            expectClose(
                bilinear(logits, height: 256, width: 256), golden["mask_logits_256"],
                absolute: 1e-4, relativeL2: relativeL2, "at full resolution")
        }
    }
}
