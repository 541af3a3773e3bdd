import Imaging
import Segmentation
import Testing

@testable import TorchEngine

@Suite("Many prompts on one encoded image")
struct PredictorTests {
    @Test("a batch of mixed prompts gives the result of each prompt alone")
    func batch() throws {
        let image = try Weights.engine().encode(MaskCase.frame())
        let box = PixelRectangle(x0: 150, y0: 48, x1: 208, y1: 140)
        let click = PixelPoint(x: 180, y: 90)
        let beside = PixelPoint(x: 30, y: 30)
        let prompts = try [
            Prompt(box: box), Prompt(foregroundPoints: [click]),
            Prompt(foregroundPoints: [click], backgroundPoints: [beside]),
            Prompt(box: PixelRectangle(x0: 60, y0: 60, x1: 120, y1: 150)),
            Prompt(foregroundPoints: [beside]), Prompt(foregroundPoints: [click], box: box),
        ].map { try $0.checked(for: image.size) }
        for multimask in [false, true] {
            let together = try image.predict(prompts, multimask: multimask)
            #expect(together.count == prompts.count)
            for (prompt, masks) in zip(prompts, together) {
                let alone = try image.predict([prompt], multimask: multimask)[0]
                #expect(masks.count == (multimask ? 3 : 1) && alone.count == masks.count)
                for (one, other) in zip(masks, alone) {
                    let apart = zip(one.logits.values, other.logits.values).map { abs($0 - $1) }
                    #expect((apart.max() ?? 1) < 1e-3)
                    #expect(abs(one.iouEstimate - other.iouEstimate) < 1e-5)
                }
            }
        }
        #expect(try image.predict([], multimask: false).isEmpty)
    }

    @Test("a model that needs a prompt refuses to run without one")
    func unprompted() throws {
        let image = try Weights.engine().encode(MaskCase.frame())
        #expect(throws: EngineError.needsPrompt(model: "litemedsam")) {
            try image.segmentPromptFree()
        }
    }
}
