import Datasets
import Evaluation
import Foundation
import Imaging
import MaskMetrics
import Segmentation
import TestSupport
import Testing

@Suite("Evaluator measures each object of each image with each prompt")
final class EvaluatorTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "evaluation-\(UUID())")
    private let drawn: DrawnData

    init() throws {
        drawn = try DrawnData(at: folder)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func samples(_ dataset: String? = nil) throws -> [Sample] {
        try DatasetCollection(root: folder.path).samples(.test, of: dataset)
    }

    @Test("each image is encoded once for all prompts, and a perfect engine has Dice 1")
    func perfect() throws {
        let engine = BrightEngine()
        let prompts: [PromptStrategy] = [.fixedClick, .randomClicks(3), .box()]
        let evaluation = Evaluator(EngineSource(engine), options: .init(prompts: prompts))
            .evaluate(try samples())
        #expect(engine.embeddings == 6)
        // 4 objects of Discs and 2 x 2 of Pairs, each with 1 + 3 + 1 prompts.
        #expect(evaluation.cases.count == 8 * 5)
        #expect(evaluation.cases.allSatisfy { $0[.dice] == 1 && $0[.hd] == 0 })
        #expect(evaluation.failures.isEmpty && evaluation.isComplete)
        #expect(evaluation.dataHash.count == 64)
    }

    @Test("an object that is not in the image is evaluated with one background point")
    func empty() throws {
        let evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.fixedClick])
        )
        .evaluate(try samples("Pairs"))
        let absent = evaluation.cases.filter { $0.detection == .trueNegative }
        #expect(absent.map(\.id) == ["Pairs/q#2"])
        #expect(absent.allSatisfy { $0.points.isEmpty && $0.backgroundPoints.count == 1 })
        let rows = evaluation.cases.detections()
        #expect(rows.map(\.truePositives) == [3, 2, 1])
        #expect(rows.map(\.trueNegatives) == [1, 0, 1])
    }

    @Test("corrections are clicks in the middle of the largest error, each measured in a row")
    func corrections() throws {
        let strategies = (0...4).map { PromptStrategy.corrections($0) }
        let evaluation = Evaluator(PainterSource(), options: .init(prompts: strategies))
            .evaluate(try samples("Discs"))
        #expect(evaluation.failures.isEmpty)
        let steps = Dictionary(grouping: evaluation.cases, by: \.id)
        #expect(steps.count == 4)
        for cases in steps.values {
            #expect(cases.map(\.prompt) == strategies)
            // Each step has one click more, until the mask is right.
            #expect(cases.map { $0.points.count + $0.backgroundPoints.count } == [1, 2, 3, 4, 5])
            #expect(cases.allSatisfy { $0.obeyedPoints == $0.points.count })
            let dice = cases.compactMap { $0[.dice] }
            #expect(dice[4] > dice[0])
        }
        let row = try #require(evaluation.cases.interactions().first)
        #expect(row.count == 4 && row.mostClicks == 5 && row.obeyedPoints == 1)
        let reached = steps.values.map { cases in
            cases.firstIndex { $0[.dice] ?? 0 >= 0.85 }.map { $0 + 1 } ?? 5
        }
        #expect(row.clicksToGood == Double(reached.reduce(0, +)) / 4)
    }

    @Test("a perfect engine needs one click, and no correction follows")
    func noCorrection() throws {
        let evaluation = Evaluator(
            EngineSource(BrightEngine()),
            options: .init(prompts: [.corrections(0), .corrections(1), .corrections(2)])
        ).evaluate(try samples("Discs"))
        #expect(evaluation.cases.allSatisfy { $0[.dice] == 1 && $0.points.count == 1 })
        #expect(evaluation.cases.interactions().first?.clicksToGood == 1)
    }

    @Test("prompts on nothing are measured against an empty label")
    func nothing() throws {
        let evaluation = Evaluator(PainterSource(), options: .init(prompts: [.onNothing(3)]))
            .evaluate(try samples("Discs"))
        #expect(evaluation.cases.count == 4 * 3)
        #expect(evaluation.cases.allSatisfy { $0.labelArea == 0 })
        // The painter paints at every point, and nothing for a box alone.
        #expect(
            evaluation.cases.allSatisfy {
                $0.detection == ($0.box == nil ? .falsePositive : .trueNegative)
            })
    }

    @Test("a mask where there is no object is a false positive with Dice 0")
    func falsePositive() throws {
        let evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.promptFree])
        ).evaluate(try samples("Pairs"))
        let q = try #require(evaluation.cases.first { $0.id == "Pairs/q#2" })
        #expect(q.detection == .falsePositive && q[.dice] == 0)
        // 64 x 64 pixels.
        #expect(abs((q[.hd] ?? 0) - 64 * 2.0.squareRoot()) < 1e-9)
    }

    @Test("the filled box has the Dice of its area")
    func filledBox() throws {
        let evaluation = Evaluator(
            BaselineSource.filledBox, options: .init(prompts: [.box()])
        ).evaluate(try samples("Discs"))
        for (one, radius) in zip(evaluation.cases, [8, 12, 20, 5]) {
            let side = 2 * radius + 1
            #expect(one.maskArea == side * side)
            let dice = Double(2 * one.labelArea) / Double(one.labelArea + side * side)
            #expect(abs((one[.dice] ?? 0) - dice) < 1e-12)
        }
    }

    @Test("an ellipse in the box of a disc is nearly the disc")
    func ellipse() throws {
        let evaluation = Evaluator(
            BaselineSource.ellipse, options: .init(prompts: [.box()])
        ).evaluate(try samples("Discs"))
        #expect(evaluation.cases.allSatisfy { ($0[.dice] ?? 0) > 0.9 })
    }

    @Test("mm and pixels have separate rows, and a patient's cases count once by patients")
    func groups() throws {
        let evaluation = Evaluator(
            BaselineSource.filledBox, options: .init(prompts: [.box()])
        ).evaluate(try samples("Discs"))
        let rows = evaluation.cases.summaries(seed: 0)
        let lengths = rows.filter { $0.metric == .hd && $0.basis == .cases }
        #expect(lengths.map(\.unit) == [.millimetres, .pixels])
        #expect(lengths.map(\.statistics.count) == [2, 2])
        let mm = try #require(evaluation.cases[0][.hd])
        #expect(evaluation.cases[0].unit == .millimetres)
        #expect(mm < 8 * 0.5, "a corner of a box around a disc of 8 pixels: \(mm) mm")
        let patients = try #require(rows.first { $0.metric == .dice && $0.basis == .patients })
        let dice = evaluation.cases.compactMap { $0[.dice] }
        #expect(patients.statistics.count == 3)
        let mean = ((dice[0] + dice[1]) / 2 + dice[2] + dice[3]) / 3
        #expect(abs(patients.statistics.mean - mean) < 1e-12)
    }

    @Test("several random clicks give their mean and the worst of them")
    func worst() throws {
        var evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.randomClicks(2)])
        ).evaluate(try samples("Discs"))
        for index in evaluation.cases.indices where index % 2 == 1 {
            evaluation.cases[index].metrics["dice"] = 0.5
        }
        let rows = evaluation.cases.summaries(seed: 0)
            .filter { $0.metric == .dice && $0.basis == .cases }
        #expect(rows.map(\.variant.reduction) == [.mean, .worst])
        #expect(rows.map(\.statistics.mean) == [0.75, 0.5])
        #expect(rows.map(\.statistics.count) == [4, 4])
    }

    @Test("at the paper's resolution masks have 256x256 pixels, and lengths are in pixels")
    func modelGrid() throws {
        let evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.fixedClick], resolution: .model)
        ).evaluate(try samples("Discs"))
        #expect(evaluation.masks.allSatisfy { $0.size == Size(height: 256, width: 256) })
        #expect(evaluation.cases.allSatisfy { $0.unit == .pixels && $0.spacing == nil })
    }

    @Test("an image that cannot be read is listed, and the others are evaluated")
    func unreadable() throws {
        try Data("no image".utf8).write(to: URL(filePath: drawn.path("Discs/img/b.png")))
        let evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.fixedClick])
        )
        .evaluate(try samples("Discs"))
        #expect(evaluation.failures.map(\.image) == ["Discs/b"])
        #expect(evaluation.cases.map(\.name) == ["a", "c", "d"])
    }

    @Test("of a probability map the upper half is the mask, with a note; NAME.mask.png is found")
    func probabilities() throws {
        let masks = folder.appending(path: "masks/Discs")
        try FileManager.default.createDirectory(at: masks, withIntermediateDirectories: true)
        let samples = try samples("Discs")
        for sample in samples {
            var label = try Image.read(sample.labelPath)
            // Background from 0 to 99, the object 200.
            for index in label.pixels.indices {
                label.pixels[index] = label.pixels[index] == 0 ? UInt8(index % 100) : 200
            }
            try label.write(to: masks.appending(path: "\(sample.name).mask.png").path)
        }
        let source = PredictionSource(folder: folder.appending(path: "masks").path)
        let evaluation = Evaluator(source, options: .init(prompts: [])).evaluate(samples)
        #expect(evaluation.cases.count == 4 && evaluation.cases.allSatisfy { $0[.dice] == 1 })
        #expect(evaluation.notes.count == 4)
        #expect(evaluation.notes[0].contains("100 grey values; those above 127 are inside"))
    }

    @Test("a stopped evaluation is marked incomplete")
    func stopped() throws {
        let evaluation = Evaluator(
            EngineSource(BrightEngine()), options: .init(prompts: [.fixedClick])
        )
        .evaluate(try samples("Discs"), shouldContinue: { done, _ in done < 2 })
        #expect(!evaluation.isComplete && evaluation.cases.count == 2)
    }

    @Test("a report is equal after writing and reading, and each prompt has a sheet")
    func report() throws {
        let options = EvaluationOptions(prompts: [.fixedClick, .box(growth: 0.1)])
        let source = EngineSource(BrightEngine())
        let samples = try samples()
        let evaluation = Evaluator(source, options: options).evaluate(samples)
        let report = EvaluationReport(
            evaluation, source: source.record, options: options,
            data: .init(root: folder.path, split: "test", hash: "", images: 0),
            program: "samus test")
        let path = folder.appending(path: "report.json").path
        try Data(report.json()).write(to: URL(filePath: path))
        #expect(try EvaluationReport.read(path) == report)
        #expect(report.notice.contains("research use only"))
        #expect(report.markdown.contains("not a medical device"))
        let lines = report.caseTable.split(separator: "\n")
        #expect(lines.count == 1 + evaluation.cases.count)
        let sheet = ContactSheet(evaluation, options: options, samples: samples)
        for prompt in options.prompts {
            #expect(try sheet.draw(prompt) != nil)
        }
    }
}

/// Paints a disc around each foreground point, and leaves out a small one around background points.
private struct PainterSource: MaskSource {
    let record = SourceRecord(kind: .model, name: "painter")

    func predictor(for image: Image, of sample: Sample) throws -> any MaskPredictor {
        Painter(size: image.size)
    }

    private struct Painter: MaskPredictor {
        let size: Size

        func masks(of sample: Sample, prompts: [Prompt.Checked]?) throws -> [PredictedMask] {
            (prompts ?? []).map { prompt in
                let values = (0..<size.width * size.height).map { index -> UInt8 in
                    let (x, y) = (Double(index % size.width), Double(index / size.width))
                    func isNear(_ points: [PixelPoint], _ radius: Double) -> Bool {
                        points.contains {
                            ($0.x - x) * ($0.x - x) + ($0.y - y) * ($0.y - y) <= radius * radius
                        }
                    }
                    return isNear(prompt.prompt.foregroundPoints, 2)
                        && !isNear(prompt.prompt.backgroundPoints, 0.5) ? 1 : 0
                }
                return PredictedMask(
                    mask: Mask(width: size.width, height: size.height, values: values))
            }
        }
    }
}
