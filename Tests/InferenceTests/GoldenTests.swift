import Foundation
import Imaging
import Segmentation
import Testing

@testable import Inference

@Suite(
    "A bundle gives the same masks as onnxruntime",
    .enabled(if: Runtime.isInstalled, Runtime.reason))
struct GoldenTests {
    /// The two runtimes add in different orders.
    private let tolerance: Float = 1e-4

    @Test(
        "masks of clicks, boxes and mask prompts equal onnxruntime's",
        arguments: [Fixture.clicks, Fixture.promptFree],
        ["click", "clicks", "box", "both", "two", "mask"])
    func prompted(name: String, form: String) throws {
        let fixture = try Fixture(name)
        let encoded = try fixture.engine().encode(fixture.image)
        let logits = try fixture.values("\(form).logits")
        let iou = try fixture.values("\(form).iou")
        let area = 32 * 32
        for multimask in [false, true] {
            let found = try encoded.predict(fixture.prompts(form), multimask: multimask)
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

    @Test("the mask of the prompt-free decoder equals onnxruntime's")
    func promptFree() throws {
        let fixture = try Fixture(Fixture.promptFree)
        let found = try fixture.engine().encode(fixture.image).predictPromptFree()
        #expect(difference(found.logits.values, try fixture.values("auto.logits")) < tolerance)
        #expect(abs(found.iouEstimate - (try fixture.values("auto.iou")[0])) < tolerance)
    }

    @Test("masks of many prompts of mixed kinds are returned in the order of the prompts")
    func mixed() throws {
        let fixture = try Fixture(Fixture.clicks)
        let encoded = try fixture.engine().encode(fixture.image)
        let forms = ["click", "mask", "box", "both", "clicks"]
        let some = try forms.flatMap { try fixture.prompts($0) }
        let many = (0..<30).flatMap { _ in some }
        let alone = try some.map { try encoded.predict([$0], multimask: false)[0][0] }
        let together = try encoded.predict(many, multimask: false)
        for (index, masks) in together.enumerated() {
            let expected = alone[index % some.count]
            #expect(difference(masks[0].logits.values, expected.logits.values) < tolerance)
        }
    }

    @Test("the model's description has the SHA-256 of model.json")
    func description() throws {
        let fixture = try Fixture(Fixture.clicks)
        let bundle = try ModelBundle(fixture.folder)
        #expect(bundle.model.name == "clicks")
        #expect(bundle.model.architecture == .liteMedSAM)
        #expect(bundle.model.trainedPrompts == [.click])
        #expect(bundle.model.network?.candidates == 3)
        #expect(bundle.model.sha256.count == 64)
    }

    @Test("a model that is not prompt-free throws without a prompt")
    func needsPrompt() throws {
        let fixture = try Fixture(Fixture.clicks)
        let encoded = try fixture.engine().encode(fixture.image)
        #expect(throws: EngineError.needsPrompt(model: "clicks")) {
            try encoded.predictPromptFree()
        }
    }

    @Test(
        "the number of threads and the goal of throughput do not change masks", arguments: [1, 2])
    func threads(count: Int) throws {
        let fixture = try Fixture(Fixture.clicks)
        let options = RuntimeOptions(threads: count, goal: .throughput)
        let encoded = try fixture.engine(options: options).encode(fixture.image)
        let found = try encoded.predict(fixture.prompts("box"), multimask: false)[0][0]
        let expected = Array(try fixture.values("box.logits").prefix(32 * 32))
        #expect(difference(found.logits.values, expected) < tolerance)
    }

    @Test(
        "bfloat16 changes the logits by at most 3 % of their range",
        .enabled(if: Runtime.hasBFloat16, "this processor has no bfloat16 arithmetic"))
    func bfloat16() throws {
        let fixture = try Fixture(Fixture.clicks)
        let encoded = try fixture.engine(options: RuntimeOptions(precision: .bfloat16))
            .encode(fixture.image)
        let found = try encoded.predict(fixture.prompts("box"), multimask: false)[0][0]
        let expected = Array(try fixture.values("box.logits").prefix(32 * 32))
        let range = try #require(expected.max()) - #require(expected.min())
        let change = difference(found.logits.values, expected)
        #expect(change < 0.03 * range, "\(change) of \(range)")
        // Otherwise the model ran in float32.
        #expect(change > tolerance)
    }

    @Test(
        "the error for a missing device states the available devices",
        .enabled(if: !Runtime.hasNPU, "this machine has an NPU"))
    func device() throws {
        let fixture = try Fixture(Fixture.clicks)
        let devices = try OpenVINOCore(.shared()).devices()
        #expect(throws: OpenVINOError.noDevice(requested: "NPU", available: devices)) {
            try fixture.engine(options: RuntimeOptions(device: .npu))
        }
    }
}
