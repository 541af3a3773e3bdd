import Datasets
import Evaluation
import Foundation
import TestSupport
import Testing

@Suite("Two reports are compared case by case, and only where that means something")
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
        let samples = try UltrasoundData(root: folder.path).samples(.test, of: dataset)
        let options = EvaluationOptions(prompts: prompts, resolution: resolution, seed: seed)
        return EvaluationReport(
            Evaluator(source, options: options).evaluate(samples), source: source.record,
            options: options, data: .init(root: "", split: "test", hash: "", images: 0),
            program: "test")
    }

    @Test("pairs by sample, differences second minus first")
    func differences() throws {
        let (box, ellipse) = try (report(BaselineSource.filledBox), report(BaselineSource.ellipse))
        let comparison = try Comparison(box, ellipse)
        let all = try #require(comparison.rows.first)
        #expect(all.dataset == nil && all.count == 8)
        #expect(abs(all.second - all.first - all.difference.mean) < 1e-12)
        // All but the object that is not there, whose two masks are empty.
        #expect(all.larger == 7 && all.smaller == 0 && all.test.rankBiserial == 1)
        #expect(comparison.unpaired.isEmpty)
        #expect(comparison.markdown.contains("prompted"))
        #expect(comparison.markdown.contains("not a medical device"))
        #expect(comparison.plot().width > 0)
        #expect(try !comparison.json().isEmpty)
    }

    @Test("lengths are compared unit by unit")
    func units() throws {
        let comparison = try Comparison(
            report(BaselineSource.filledBox, dataset: "Discs"),
            report(BaselineSource.ellipse, dataset: "Discs"), metric: .hd)
        #expect(comparison.rows.map(\.unit) == [.millimetres, .pixels])
    }

    @Test("cases of one report alone are named")
    func unpaired() throws {
        let whole = try report(BaselineSource.filledBox)
        var part = whole
        part.cases.removeAll { $0.id == "Discs/b#1" }
        #expect(try Comparison(whole, part).unpaired == ["Discs/b#1"])
    }

    @Test("other data, grids, prompts and clicks are refused, with the reason")
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
        expectRefusal(try report(engine, resolution: .model), "grid")
        expectRefusal(try report(engine, [.fixedClick]), "prompts differ: box and fixed")
        let one = try report(engine, [.randomClicks(2)], seed: 1)
        let other = try report(engine, [.randomClicks(2)], seed: 2)
        #expect(throws: EvaluationError.self) { try Comparison(one, other) }
        let both = try report(engine, [.fixedClick, .box()])
        #expect(try Comparison(box, both, prompts: [.box()]).pairs.count == 1)
    }

    @Test("masks made without a prompt are compared with those of each prompt, and it is said")
    func unprompted() throws {
        let model = try report(EngineSource(BrightEngine()), [.fixedClick, .box()])
        var given = try report(BaselineSource.ellipse)
        for index in given.cases.indices { given.cases[index].prompt = nil }
        let comparison = try Comparison(given, model)
        #expect(Set(comparison.rows.map(\.variant.prompt)) == [.fixedClick, .box()])
        #expect(comparison.markdown.contains("One side made its masks without a prompt"))
        let box = try Comparison(model, given, prompts: [.box()])
        #expect(box.pairs.count == 1)
        #expect(throws: EvaluationError.self) {
            try Comparison(model, given, prompts: [.box(growth: 0.1)])
        }
    }

    @Test(
        "lengths whose mm per pixel changed are refused, overlaps are not; no measurement is 1e308")
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
        } throws: { "\($0)".contains("no measurement") }
    }

    @Test("a network's report is read back and compared")
    func readBack() throws {
        let made = try report(EngineSource(BrightEngine()))
        #expect(!made.calibration.isEmpty)
        let path = folder.appending(path: "report.json").path
        try Data(made.json()).write(to: URL(filePath: path))
        let read = try EvaluationReport.read(path)
        #expect(read == made)
        #expect(try Comparison(read, made).rows.first?.difference.mean == 0)
    }
}
