import Datasets
import Evaluation
import Foundation
import TestSupport
import Testing

@Suite("Comparison pairs the cases of two reports and refuses reports that differ")
final class ComparisonTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "comparison-\(UUID())")

    init() throws {
        _ = try DrawnData(at: folder)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func report(
        _ source: any MaskSource, _ prompts: [PromptStrategy] = [.box()],
        dataset: String? = nil, resolution: EvaluationResolution = .native, seed: UInt64 = 0
    ) throws -> EvaluationReport {
        let samples = try DatasetCollection(root: folder.path).samples(.test, of: dataset)
        let options = EvaluationOptions(prompts: prompts, resolution: resolution, seed: seed)
        return EvaluationReport(
            Evaluator(source, options: options).evaluate(samples), source: source.record,
            options: options, data: .init(root: "", split: "test", hash: "", images: 0),
            program: "test")
    }

    @Test("cases are paired by sample; differences are second minus first")
    func differences() throws {
        let (box, ellipse) = try (report(BaselineSource.filledBox), report(BaselineSource.ellipse))
        let comparison = try Comparison(box, ellipse)
        let all = try #require(comparison.rows.first)
        #expect(all.dataset == nil && all.count == 8)
        #expect(abs(all.second - all.first - all.difference.mean) < 1e-12)
        // All but the object that is not in the image, for which both masks are empty.
        #expect(all.larger == 7 && all.smaller == 0 && all.test.rankBiserial == 1)
        #expect(comparison.unpaired.isEmpty)
        #expect(comparison.markdown.contains("prompted"))
        #expect(comparison.markdown.contains("not a medical device"))
        #expect(comparison.plot().width > 0)
        #expect(try !comparison.json().isEmpty)
    }

    @Test("mm and pixels are compared separately")
    func units() throws {
        let comparison = try Comparison(
            report(BaselineSource.filledBox, dataset: "Discs"),
            report(BaselineSource.ellipse, dataset: "Discs"), metric: .hd)
        #expect(comparison.rows.map(\.unit) == [.millimetres, .pixels])
    }

    @Test("cases that only one report has are listed")
    func unpaired() throws {
        let whole = try report(BaselineSource.filledBox)
        var part = whole
        part.cases.removeAll { $0.id == "Discs/b#1" }
        #expect(try Comparison(whole, part).unpaired == ["Discs/b#1"])
    }

    @Test("reports with other data, resolution, prompts or random clicks are refused")
    func refusals() throws {
        let engine = EngineSource(BrightEngine())
        let box = try report(engine)
        func expectRefusal(_ other: EvaluationReport, _ words: String) {
            #expect {
                try Comparison(box, other)
            } throws: { error in
                "\(error)".contains(words)
            }
        }
        expectRefusal(try report(engine, dataset: "Discs"), "data differ")
        expectRefusal(try report(engine, resolution: .model), "resolution")
        expectRefusal(try report(engine, [.fixedClick]), "prompts differ: box and fixed")
        let one = try report(engine, [.randomClicks(2)], seed: 1)
        let other = try report(engine, [.randomClicks(2)], seed: 2)
        #expect(throws: EvaluationError.self) { try Comparison(one, other) }
        let both = try report(engine, [.fixedClick, .box()])
        #expect(try Comparison(box, both, prompts: [.box()]).pairs.count == 1)
    }

    @Test("masks made without a prompt are compared with those of every prompt, with a note")
    func promptFree() throws {
        let model = try report(EngineSource(BrightEngine()), [.fixedClick, .box()])
        var given = try report(BaselineSource.ellipse)
        for index in given.cases.indices { given.cases[index].prompt = nil }
        let comparison = try Comparison(given, model)
        #expect(Set(comparison.rows.map(\.variant.prompt)) == [.fixedClick, .box()])
        #expect(comparison.markdown.contains("Only one side had prompts made from the labels"))
        let box = try Comparison(model, given, prompts: [.box()])
        #expect(box.pairs.count == 1)
        #expect(throws: EvaluationError.self) {
            try Comparison(model, given, prompts: [.box(growth: 0.1)])
        }
    }

    @Test(
        "lengths with another spacing and impossible values are refused; overlaps are compared")
    func changedSpacing() throws {
        let first = try report(BaselineSource.filledBox)
        var second = first
        let place = try #require(second.cases.firstIndex { $0.unit == .millimetres })
        second.cases[place].unit = .pixels
        #expect {
            try Comparison(first, second, metric: .hd)
        } throws: { "\($0)".contains("mm per pixel") }
        #expect(try Comparison(first, second).rows.first?.count == 8)
        second.cases[place].metrics["dice"] = 1e308
        #expect {
            try Comparison(first, second)
        } throws: { "\($0)".contains("impossible value") }
    }

    @Test("a model's report is equal after writing and reading")
    func readBack() throws {
        let made = try report(EngineSource(BrightEngine()))
        #expect(!made.calibration.isEmpty)
        let path = folder.appending(path: "report.json").path
        try Data(made.json()).write(to: URL(filePath: path))
        let read = try EvaluationReport.read(path)
        #expect(read == made)
        #expect(try Comparison(read, made).rows.first?.difference.mean == 0)
    }

    @Test("JSON has snake_case keys and a format version")
    func keys() throws {
        let made = try report(EngineSource(BrightEngine()))
        let text = String(decoding: try made.json(), as: UTF8.self)
        for key in [
            "format_version", "background_points", "true_positives", "standard_deviation",
            "mask_seconds", "mean_iou", "is_complete",
        ] {
            #expect(text.contains("\"\(key)\":"), "\(key)")
        }
        for key in ["negatives", "pictures", "picture", "figures", "presence"] {
            #expect(!text.contains("\"\(key)\":"), "\(key)")
        }
    }

    /// The fixture was written by version 0.1.0 for the baseline `ellipse` on three images; a
    /// fourth image is missing.
    @Test("a report of version 0.1 is read and compared")
    func formerReport() throws {
        let path = Shared.package.appending(
            path: "Tests/Fixtures/evaluation/former-report.json"
        ).path
        let former = try EvaluationReport.read(path)
        #expect(former.formatVersion == nil && former.program == "samus 0.1.0")
        #expect(former.data.images == 4)
        #expect(former.failures.map(\.image) == ["Breast-BUSI/image3"])
        #expect(former.options.prompts == [.box(), .box(growth: 0.1)])
        #expect(former.cases.count == 6)
        #expect(former.cases.map(\.backgroundPoints.count) == [0, 0, 1, 1, 0, 0])
        #expect(former.cases[0][.hd95Length] == 0.1)
        #expect(former.detection.map(\.truePositives) == [2, 2])
        #expect(former.detection.map(\.trueNegatives) == [1, 1])
        #expect(former.summaries.first?.statistics.count == 3)
        #expect(former.summaries.contains { $0.basis == .detectedCases })
        let comparison = try Comparison(former, former)
        #expect(comparison.rows.allSatisfy { $0.difference.mean == 0 && $0.count == 3 })
    }
}
