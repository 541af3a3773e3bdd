import Datasets
import Evaluation
import Foundation
import Imaging
import MaskMetrics
import Segmentation
import TestSupport
import Testing

@Suite("Evaluator measures several classes of an image")
final class SeveralClassesTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "classes-\(UUID())")

    init() throws {
        _ = try DrawnData(at: folder)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func samples(_ dataset: String) throws -> [Sample] {
        try DatasetCollection(root: folder.path).samples(.test, of: dataset)
    }

    private func evaluation(
        _ engine: GreyEngine, _ prompt: PromptStrategy, labels: Bool = false
    ) throws -> Evaluation {
        Evaluator(EngineSource(engine), options: .init(prompts: [prompt], labels: labels))
            .evaluate(try samples("Pairs"))
    }

    @Test("a model of several classes gives each class its mask in one pass")
    func onePass() throws {
        let engine = GreyEngine(classes: [1, 2])
        let evaluation = try evaluation(engine, .promptFree)
        #expect(evaluation.failures.isEmpty)
        #expect(
            evaluation.cases.map(\.id) == ["Pairs/p#1", "Pairs/p#2", "Pairs/q#1", "Pairs/q#2"])
        #expect(evaluation.cases.allSatisfy { $0[.dice] == 1 })
        // An absent class of which nothing is found has Dice 1, as Docs/Metrics.md says.
        #expect(evaluation.cases[3].detection == .trueNegative)
        #expect(evaluation.cases.map(\.iouEstimate) == [0.75, 0.5, 0.75, 0.5])
    }

    @Test("a class that the model does not segment is an error of the image, not a wrong mask")
    func unknown() throws {
        let evaluation = try evaluation(GreyEngine(classes: [1, 3]), .promptFree)
        #expect(evaluation.cases.isEmpty && evaluation.failures.count == 2)
        #expect(evaluation.failures[0].reason.contains("and not class 2"))
    }

    @Test("joined to one label image, overlapping pixels belong to the highest logit")
    func joined() throws {
        let engine = GreyEngine(classes: nil)
        let alone = try evaluation(engine, .fixedClick)
        #expect(alone.cases[0][.dice] ?? 1 < 0.9 && alone.cases[1][.dice] ?? 1 < 0.9)
        let joined = try evaluation(engine, .fixedClick, labels: true)
        #expect(joined.failures.isEmpty && joined.cases.count == 4)
        #expect(joined.cases.allSatisfy { $0[.dice] == 1 }, "\(joined.cases.map { $0[.dice] })")
        // Several prompts: the n-th ones of all classes together.
        let random = try evaluation(engine, .randomClicks(3), labels: true)
        #expect(random.cases.count == 12 && random.cases.allSatisfy { $0[.dice] == 1 })
    }
}

/// A formula instead of a network: every prompt gives all bright pixels, with higher logits where the
/// grey is that of the click; without a prompt, classes are levels of grey.
private final class GreyEngine: SegmentationEngine {
    let model: ModelDescription

    init(classes: [Int]?) {
        model = ModelDescription(
            name: "grey", architecture: .uNet, sha256: "0123", licence: nil,
            classes: classes?.map { ClassLabel(value: $0) })
    }

    func encode(_ image: Image) throws -> any EncodedImage {
        Entry(
            model: model, image: image,
            geometry: InputGeometry(
                original: image.size, inputSize: image.width, preprocessing: .samus))
    }

    private struct Entry: EncodedImage {
        let model: ModelDescription
        let image: Image
        let geometry: InputGeometry

        private func plane(_ value: (UInt8) -> Float) -> [Float] { image.pixels.map(value) }

        func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
            prompts.map { prompt in
                let grey = prompt.prompt.foregroundPoints.first.map {
                    image.pixels[Int($0.y) * image.width + Int($0.x)]
                }
                let values = plane { pixel in
                    guard let grey, pixel > 100 else { return -1 }
                    return abs(Int(pixel) - Int(grey)) < 10 ? 2 : 1
                }
                return [
                    MaskPrediction(
                        logits: Planes(
                            channels: 1, height: image.height, width: image.width, values: values),
                        iouEstimate: 0.75)
                ]
            }
        }

        func predictPromptFree() throws -> MaskPrediction {
            throw EngineError.needsPrompt(model: model.name)
        }

        func predictClasses() throws -> ClassPrediction {
            ClassPrediction(
                logits: Planes(
                    channels: 3, height: image.height, width: image.width,
                    values: plane { _ in 0 } + plane { $0 > 150 ? 1 : -1 }
                        + plane { $0 > 100 && $0 <= 150 ? 1 : -1 }),
                iouEstimates: [0.75, 0.5])
        }
    }
}
