import Foundation
import Imaging
import Inference
import Segmentation
import Testing

@Suite("A bundle gives what onnxruntime gives", .enabled(if: Runtime.isHere, Runtime.reason))
struct GoldenTests {
    /// Both sum in another order.
    private let tolerance: Float = 1e-4

    @Test(
        "for prompts", arguments: [Fixture.clicks, Fixture.finds],
        ["click", "clicks", "box", "both", "two", "mask"])
    func prompted(name: String, form: String) throws {
        let fixture = try Fixture(name)
        let embedded = try fixture.engine().encode(fixture.image)
        let logits = try fixture.values("\(form).logits")
        let iou = try fixture.values("\(form).iou")
        let area = 32 * 32
        for multimask in [false, true] {
            let found = try embedded.predict(fixture.prompts(form), multimask: multimask)
            for (prompt, masks) in found.enumerated() {
                let taken = multimask ? Array(1...3) : [0]
                try #require(masks.count == taken.count)
                for (mask, index) in zip(masks, taken) {
                    let place = prompt * 4 + index
                    let expected = Array(logits[place * area..<(place + 1) * area])
                    #expect(difference(mask.logits.values, expected) < tolerance)
                    #expect(abs(mask.iouEstimate - iou[place]) < tolerance)
                }
            }
        }
    }

    @Test("without a prompt")
    func unprompted() throws {
        let fixture = try Fixture(Fixture.finds)
        let found = try fixture.engine().encode(fixture.image).predictPromptFree()
        #expect(difference(found.logits.values, try fixture.values("auto.logits")) < tolerance)
        #expect(abs(found.iouEstimate - (try fixture.values("auto.iou")[0])) < tolerance)
    }

    @Test("for many prompts of all forms at once, in their order")
    func mixed() throws {
        let fixture = try Fixture(Fixture.clicks)
        let embedded = try fixture.engine().encode(fixture.image)
        let forms = ["click", "mask", "box", "both", "clicks"]
        let some = try forms.flatMap { try fixture.prompts($0) }
        let many = (0..<30).flatMap { _ in some }
        let alone = try some.map { try embedded.predict([$0], multimask: false)[0][0] }
        let together = try embedded.predict(many, multimask: false)
        for (index, masks) in together.enumerated() {
            let expected = alone[index % some.count]
            #expect(difference(masks[0].logits.values, expected.logits.values) < tolerance)
        }
    }

    @Test("says what the model is, with model.json's SHA-256")
    func description() throws {
        let fixture = try Fixture(Fixture.clicks)
        let bundle = try ModelBundle(fixture.folder)
        #expect(bundle.model.name == "clicks")
        #expect(bundle.model.kind == .liteMedSAM)
        #expect(bundle.model.trainedPrompts == [.click])
        #expect(bundle.model.network?.candidates == 3)
        #expect(bundle.model.sha256.count == 64)
    }

    @Test("has a sentence where it needs a prompt")
    func needsPrompt() throws {
        let fixture = try Fixture(Fixture.clicks)
        let embedded = try fixture.engine().encode(fixture.image)
        #expect(throws: EngineError.needsPrompt(model: "clicks")) {
            try embedded.predictPromptFree()
        }
    }

    @Test("bfloat16 on demand, and threads", arguments: [1, 2])
    func options(threads: Int) throws {
        let fixture = try Fixture(Fixture.clicks)
        let options = RuntimeOptions(precision: .bfloat16, threads: threads, goal: .throughput)
        let embedded = try fixture.engine(options: options).encode(fixture.image)
        let found = try embedded.predict(fixture.prompts("box"), multimask: false)[0][0]
        let expected = Array(try fixture.values("box.logits").prefix(32 * 32))
        #expect(difference(found.logits.values, expected) < 0.2)
    }

    @Test("a device that is not there is named")
    func device() throws {
        let fixture = try Fixture(Fixture.clicks)
        let core = try OpenVINOCore(.shared())
        guard try !core.devices().contains(where: { $0.hasPrefix("NPU") }) else { return }
        #expect(throws: OpenVINOError.noDevice(requested: "NPU", available: try core.devices())) {
            try fixture.engine(options: RuntimeOptions(device: .npu))
        }
    }
}
