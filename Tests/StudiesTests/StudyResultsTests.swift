import Datasets
import Evaluation
import FileIO
import Foundation
import MaskMetrics
import TestSupport
import Testing

@testable import Studies

/// A study of the two baselines, evaluated in this process.
private final class EvaluatedStudy {
    let plan: StudyPlan
    let folder: StudyFolder

    static let text = """
        study: baselines
        data: {sets: [Disc, Ring]}
        evaluation: {resolution: native}
        results: {sheets: 2}
        """

    init(_ text: String = text) throws {
        plan = try StudyPlanTests.plan(text)
        let path = FileManager.default.temporaryDirectory.appending(path: "study-\(UUID())").path
        folder = StudyFolder(path)
        for subfolder in folder.subfolders {
            try FileManager.default.createDirectory(
                atPath: subfolder, withIntermediateDirectories: true)
        }
        for job in plan.jobs where !job.isTraining { try evaluate(job) }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.path) }

    private func evaluate(_ job: StudyJob) throws {
        let arguments = job.arguments
        // A network that is trained answers as the ellipse here.
        let model = arguments.firstIndex(of: "--model").map { arguments[$0 + 1] } ?? "ellipse"
        let prompt = try #require(arguments.firstIndex(of: "--prompt").map { arguments[$0 + 1] })
        let split = try #require(arguments.firstIndex(of: "--split").map { arguments[$0 + 1] })
        let source = try #require(BaselineSource(rawValue: model))
        let options = EvaluationOptions(prompts: [.box()])
        let samples = try DatasetCollection(root: plan.inputs.root)
            .samples(.test, of: String(split.dropFirst(5)))
        var evaluation = Evaluator(source, options: options).evaluate(samples)
        let (cases, masks) = (evaluation.cases, evaluation.masks)
        let strategies = try #require(PromptStrategy.list(prompt))
        evaluation.cases = strategies.flatMap { strategy in
            cases.map { one in
                var one = one
                one.prompt = strategy
                return one
            }
        }
        evaluation.masks = strategies.flatMap { _ in masks }
        let report = EvaluationReport(
            evaluation, source: source.record, options: options,
            data: .init(root: "", split: split, hash: "", images: 0), program: "test")
        let product = folder.product(of: job)
        try FileManager.default.createDirectory(
            atPath: product, withIntermediateDirectories: true)
        try AtomicFile.write(report.json(), to: folder.report(of: job.id))
        try AtomicFile.write(EvaluatedMasks(evaluation).json(), to: folder.masks(of: job.id))
        try folder.write(
            JobRecord(
                title: job.title, hash: job.hash, arguments: [], program: "test", machine: "M",
                starts: 1, seconds: 3, peakMemory: 50_000_000, end: .done, exitCode: 0), of: job)
    }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder.results)/\(name)", encoding: .utf8)
    }
}

@Suite("The results of a study")
struct StudyResultsTests {
    @Test("tables, tests, ranks, sheets and CSV files are written, and agree with the reports")
    func results() throws {
        let study = try EvaluatedStudy()
        try StudyResults(study.plan, in: study.folder).write()
        let names = try FileManager.default.contentsOfDirectory(atPath: study.folder.results)
        #expect(
            Set(names).isSuperset(of: [
                "results.md", "tables.tex", "statistics.csv", "per_case.csv", "costs.csv",
                "ranks-task-specific-prompted.png", "ranks-task-specific-prompted.svg",
                "differences-task-specific-Disc.png", "differences-task-specific-Ring-1.png",
            ]))
        let rows = CSV.rows(try study.text("statistics.csv"))
        let header = rows[0]
        func value(_ row: [String], _ name: String) throws -> String {
            row[try #require(header.firstIndex(of: name))]
        }
        let dice = try rows.dropFirst().filter { try value($0, "metric") == "dice" }
        // Two baselines, three tasks.
        #expect(dice.count == 6)
        let cases = CSV.rows(try study.text("per_case.csv"))
        #expect(cases.count == 1 + 2 * (8 + 16))
        let mean = try #require(
            dice.first {
                try value($0, "task") == "Ring#2" && value($0, "system") == "filled box"
            })
        // The filled box against a ring: computed here from the cases.
        let place = try #require(cases[0].firstIndex(of: "dice"))
        let own = cases.filter { $0[1] == "filled box" && $0[6] == "Ring" && $0[8] == "2" }
            .compactMap { Double($0[place]) }
        #expect(own.count == 8)
        let expected = own.reduce(0, +) / 8
        #expect(abs(try #require(Double(value(mean, "mean"))) - expected) < 1e-12)
        #expect(try value(mean, "patients") == "4")
    }

    @Test("the ellipse is the best on discs, and four patients cannot show it")
    func tests() throws {
        let study = try EvaluatedStudy()
        let scores = try StudyScores(study.plan, in: study.folder)
        let table = StudyTable(scores, .taskSpecific, .dice)
        let disc = try #require(table.tasks.firstIndex { $0.name == "Disc" })
        let box = try #require(table.rows.firstIndex { $0.system.name == "filled box" })
        let ellipse = try #require(table.rows.firstIndex { $0.system.name == "ellipse in the box" })
        #expect(try #require(table.cells[ellipse][disc]).isBest)
        let comparison = try #require(table.cells[box][disc]?.comparison)
        #expect(comparison.pairs == 4 && comparison.difference < -0.05)
        // The smallest two-sided p-value of four pairs is 2 / 2^4.
        #expect(comparison.pValue == 0.125 && comparison.corrected == 0.125)
        #expect(!StudyTable.isSignificant(try #require(table.cells[box][disc])))
    }

    @Test("Markdown and LaTeX say what is prompted, and for which use it is")
    func documents() throws {
        let study = try EvaluatedStudy()
        try StudyResults(study.plan, in: study.folder).write()
        let markdown = try study.text("results.md")
        #expect(markdown.contains("**Research use only, not a medical device.**"))
        #expect(markdown.contains("| filled box | box | yes | nothing here |"))
        #expect(markdown.contains("samus_hd: the authors' HD"))
        #expect(!markdown.contains("Incomplete"))
        let latex = try study.text("tables.tex")
        #expect(latex.contains("Ring\\#1 & Ring\\#2"))
        #expect(latex.contains("research use only"))
        #expect(
            latex.matches(of: #/begin{/#).count == latex.matches(of: #/end{/#).count)
        #expect(StudyLaTeX.escaped(#"a_b & 50 % \x{}"#) == #"a\_b \& 50 \% \textbackslash{}x\{\}"#)
        #expect(StudyLaTeX.escaped("<|>") == #"\textless{}\textbar{}\textgreater{}"#)
        #expect(latex.contains("\n{}filled box & "))
    }

    @Test("a study that is not complete says so; figures of a former version are removed")
    func incomplete() throws {
        let study = try EvaluatedStudy()
        let job = try #require(study.plan.jobs.last)
        try FileManager.default.removeItem(atPath: study.folder.report(of: job.id))
        #expect(try study.folder.isDone(job) == false)
        try FileManager.default.createDirectory(
            atPath: study.folder.results, withIntermediateDirectories: true)
        try Data().write(to: URL(filePath: "\(study.folder.results)/ranks-universal-no-prompt.png"))
        for name in ["notes.txt", "ranks-mine.png", "ranks-universal.png"] {
            try Data().write(to: URL(filePath: "\(study.folder.results)/\(name)"))
        }
        try StudyResults(study.plan, in: study.folder).write()
        #expect(try study.text("results.md").contains("**Incomplete: 3 of 4 jobs are done"))
        let names = try FileManager.default.contentsOfDirectory(atPath: study.folder.results)
        #expect(names.contains("notes.txt") && !names.contains("ranks-universal-no-prompt.png"))
        #expect(names.contains("ranks-mine.png") && names.contains("ranks-universal.png"))
    }

    @Test("several fractions, numbers of clicks and seeds have curves, and each case is a mean")
    func curves() throws {
        let study = try EvaluatedStudy(
            """
            study: curves
            data: {sets: [Disc, Ring]}
            networks:
              N: {network: samus, prompts: ["clicks:1", "clicks:3"]}
            training: {seeds: [1, 2], fractions: [0.5, 1]}
            evaluation: {protocols: universal}
            """)
        try StudyResults(study.plan, in: study.folder).write()
        let names = try FileManager.default.contentsOfDirectory(atPath: study.folder.results)
        #expect(names.contains("learning-curves-universal.png"))
        #expect(names.contains("prompt-curves-universal.png"))
        let scores = try StudyScores(study.plan, in: study.folder)
        let row = try #require(scores.rows(of: .universal).first)
        let cell = try #require(scores.cell(.universal, row, scores.tasks(of: .universal)[0]))
        #expect(row.title == "N, 1 random click" && cell.cases.count == 8)
        #expect(cell.seedMeans[.dice]?.count == 2)
        #expect(
            try study.text("results.md").contains(
                "seeds 1, 2; the tables are of trainings with all training images"))
        // Two baselines, and two seeds and two fractions with two prompts: 24 objects each.
        #expect(CSV.rows(try study.text("per_case.csv")).count == 1 + 24 * (2 + 8))
    }

    @Test("without an evaluation there is nothing to tabulate")
    func nothing() throws {
        let plan = try StudyPlanTests.plan(EvaluatedStudy.text)
        #expect(throws: StudyError.nothingDone) {
            try StudyScores(plan, in: StudyFolder("/none"))
        }
    }

    @Test("an evaluation of weights that were trained again is not done")
    func repeatedTraining() throws {
        let plan = try StudyPlanTests.plan()
        let training = try #require(plan.jobs.first { $0.isTraining })
        let evaluation = try #require(
            plan.jobs.first { $0.kind == .evaluation(training: training.id) })
        let path = FileManager.default.temporaryDirectory.appending(path: "study-\(UUID())").path
        let folder = StudyFolder(path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        for part in ["jobs", "evaluate/\(evaluation.id)", "train/\(training.id)/weights"] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(part)", withIntermediateDirectories: true)
        }
        try Data().write(to: URL(filePath: folder.report(of: evaluation.id)))
        func record(_ job: StudyJob) throws {
            try folder.write(
                JobRecord(
                    title: job.title, hash: job.hash, arguments: [], program: "", machine: "",
                    starts: 1, seconds: 1, peakMemory: nil, weights: folder.weightsHash(of: job),
                    end: .done, exitCode: 0), of: job)
        }
        let weights = URL(filePath: "\(path)/train/\(training.id)/weights/best.safetensors")
        for (content, isDone) in [("a", true), ("b", false)] {
            try Data(content.utf8).write(to: weights)
            try record(training)
            if isDone { try record(evaluation) }
            #expect(try folder.isDone(training))
            #expect(try folder.isDone(evaluation) == isDone)
        }
    }

    @Test("a damaged record is an error that names the file")
    func damaged() throws {
        let study = try EvaluatedStudy()
        let job = study.plan.jobs[0]
        try Data("{".utf8).write(to: URL(filePath: study.folder.record(job.id)))
        let error = #expect(throws: StudyError.self) { try study.folder.isDone(job) }
        #expect("\(try #require(error))".contains(job.id))
    }

    @Test("sheets of tasks whose names differ in one letter or its case have names of their own")
    func sheetNames() {
        var taken: Set<String> = []
        let names = ["d-A-B.png", "d-A-B.png", "d-a-b.png"].map {
            DifferenceSheet.unique($0, &taken)
        }
        #expect(names == ["d-A-B.png", "d-A-B-2.png", "d-a-b-3.png"])
    }

    @Test("cases with the largest spread over the systems come first")
    func differences() {
        let values = [["a": 0.9, "b": 0.5, "c": 0.1], ["a": 0.8, "b": 0.9, "d": 0.2]]
        #expect(DifferenceSheet.mostDifferent(values) == ["b", "a"])
    }
}
