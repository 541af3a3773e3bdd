import SegmentAnything
import TestSupport
import Testing
import Torch
import TorchNN

/// SAM's prompt encoder and mask decoder with the weights of the small SAMUS.
private final class TinyDecoder: Module {
    let promptEncoder = PromptEncoder(width: 32, inputSize: 256, embeddingSize: 32)
    let maskDecoder = MaskDecoder(
        width: 32,
        transformer: TwoWayTransformer(depth: 2, width: 32, heads: 4, mlpWidth: 64),
        candidates: 3, iouDepth: 3, iouWidth: 32)
}

extension Golden {
    fileprivate func prompts(_ name: String) -> PromptTensors {
        PromptTensors(
            points: optional("case.\(name).points"),
            labels: optional("case.\(name).labels")?.to(.float32),
            boxes: optional("case.\(name).boxes"), masks: optional("case.\(name).mask_input"))
    }
}

@Suite("Prompt encoder and mask decoder agree with the SAMUS authors' program")
struct DecoderTests {
    private let golden: Golden
    private let model = TinyDecoder()

    init() throws {
        golden = try Golden("decoder-tiny")
        try model.load(golden.section("weights").state)
        model.evaluate()
    }

    static let cases = [
        "one_point", "five_points", "negative_only", "box", "point_and_box", "mask",
    ]

    @Test("the position encoding of the embedding's cells agrees")
    func positions() {
        expectClose(model.promptEncoder.densePositions(), golden["positions"])
    }

    @Test("the tokens of every kind of prompt agree", arguments: cases)
    func tokens(name: String) {
        let (sparse, dense) = model.promptEncoder(golden.prompts(name))
        expectClose(sparse, golden["case.\(name).sparse"], absolute: 1e-5)
        if let expected = golden.optional("case.\(name).dense") {
            expectClose(dense, expected, absolute: 1e-5)
        }
    }

    @Test("logits and IoU estimates agree", arguments: cases, [false, true])
    func logits(name: String, multimask: Bool) {
        let masks = decode(golden.prompts(name), multimask: multimask)
        let kind = multimask ? "multi" : "single"
        expectClose(
            masks.logits[.rest, Span(by: 4), Span(by: 4)],
            golden["case.\(name).\(kind).low_res_logits"],
            absolute: 1e-5, "logits")
        expectClose(masks.iou, golden["case.\(name).\(kind).iou"], absolute: 1e-5, "IoU")
    }

    @Test("two prompts in one pass give the result of each alone")
    func batch() {
        let first = golden.prompts("box")
        let boxes = Tensor.concatenate(
            [first.boxes, .some(Tensor([Float](arrayLiteral: 20, 30, 90, 120), shape: [1, 4]))]
                .compactMap { $0 })
        let together = decode(PromptTensors(boxes: boxes), multimask: true)
        for index in 0..<2 {
            let alone = decode(PromptTensors(boxes: boxes[index..<index + 1]), multimask: true)
            expectClose(together.logits[index..<index + 1], alone.logits, absolute: 1e-5)
            expectClose(together.iou[index..<index + 1], alone.iou, absolute: 1e-5)
        }
    }

    @Test("an empty prompt gives no tokens")
    func nothing() {
        #expect(model.promptEncoder(PromptTensors()).sparse.shape == [1, 0, 32])
    }

    private func decode(
        _ prompts: PromptTensors, multimask: Bool
    ) -> DecodedMasks {
        withoutGrad {
            let (sparse, dense) = model.promptEncoder(prompts)
            return model.maskDecoder(
                image: golden["embedding"], positions: model.promptEncoder.densePositions(),
                sparse: sparse, dense: dense, multimask: multimask)
        }
    }
}
