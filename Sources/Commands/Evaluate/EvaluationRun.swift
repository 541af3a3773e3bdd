import ArgumentParser
import Datasets
import Evaluation
import FileIO
import Foundation
import Imaging

/// An evaluation from samples to files.
struct EvaluationRun {
    let source: any MaskSource
    let samples: [Sample]
    let options: EvaluationOptions
    let data: EvaluationReport.Data
    let files: EvaluationFiles
    /// Of what the model ran on, by name.
    let versions: [String: String]

    /// Evaluates and writes; an image that fails does not stop the others.
    ///
    /// - Throws: an exit code when an image failed, the report could not be written, or somebody
    ///   interrupted the run; what was measured until then is written.
    func callAsFunction() throws {
        let evaluation = evaluate()
        for failure in evaluation.failures {
            Terminal.log(
                "failed: \(failure.image.visibleLine): \(failure.reason.visibleLine)")
        }
        let done = evaluation.timings.count
        guard !evaluation.cases.isEmpty else {
            guard evaluation.isComplete else {
                throw ExitError(.interrupted, "interrupted: no image is done")
            }
            throw ExitError(.someImages, "all \(evaluation.images) images failed")
        }
        let report = EvaluationReport(
            evaluation, source: source.record, options: options, data: data,
            program: "samus \(ProgramVersion.current)",
            versions: versions)
        try withExitStatus(.output) { try write(report, evaluation) }
        print(report.closing(folder: files.folder.relativePath))
        guard evaluation.isComplete else {
            throw ExitError(
                .interrupted,
                "interrupted: \(done) of \(evaluation.images) images are done; the report "
                    + "says that it is incomplete")
        }
        guard evaluation.failures.isEmpty else {
            throw ExitError(
                .someImages,
                "\(evaluation.failures.count) of \(evaluation.images) images failed")
        }
    }

    private func evaluate() -> Evaluation {
        let interruption = Interruption()
        var progress = ProgressBar(total: Set(samples.map(\.image)).count)
        defer { progress.clear() }
        return Evaluator(source, options: options).evaluate(
            samples,
            shouldContinue: { done, image in
                progress.show(done: done, name: image)
                return !interruption.isRequested
            })
    }

    private func write(_ report: EvaluationReport, _ evaluation: Evaluation) throws {
        let sheet = ContactSheet(evaluation, options: options, samples: samples)
        let comment =
            "samus \(ProgramVersion.current), \(source.record.name); "
            + ResearchNotice.text
        var set = AtomicFileSet()
        try set.add(Array(report.caseTable.utf8), at: files.table.path)
        try set.add(Array(report.markdown.utf8), at: files.markdown.path)
        for prompt in files.sheets {
            guard let image = try sheet.draw(prompt) else { continue }
            try set.add(image.encodedPNG(comment: comment), at: files.sheet(prompt).path)
        }
        // Last, so that whoever finds the JSON finds the other files too.
        try set.add(report.json(), at: files.json.path)
        try set.commit()
    }
}

extension EvaluationReport {
    /// What the program says at the end: Dice of each set and prompt.
    fileprivate func closing(folder: String) -> String {
        let rows = summaries.filter { $0.metric == .dice && $0.basis == .cases }
        let lines = rows.map { row in
            let label = row.label.map { ", class \($0)" } ?? ""
            let prompted =
                row.isPrompted.map { $0 ? "prompted" : "prompt-free" } ?? "prompt unknown"
            let statistics = row.statistics
            return String(
                format: "%@: Dice %.4f (SD %.4f, median %.4f, 95 %% %.4f to %.4f), n %d",
                "\((row.dataset ?? "all datasets").visibleLine)\(label), \(row.variant.title) "
                    + "(\(prompted))",
                statistics.mean, statistics.standardDeviation, statistics.median, statistics.low,
                statistics.high, statistics.count)
        }
        return (lines + ["", "report: \(folder.visibleLine)/report.md", ResearchNotice.text])
            .joined(separator: "\n")
    }
}

/// The files of an evaluation.
struct EvaluationFiles {
    let folder: URL
    private let prompts: [PromptStrategy]

    /// - Parameters:
    ///   - folder: where they go.
    ///   - prompts: how masks are asked for; none where they come from files.
    init(folder: String, prompts: [PromptStrategy]) {
        self.folder = URL(fileURLWithPath: folder)
        self.prompts = prompts
    }

    var table: URL { folder.appendingPathComponent("per_case.csv") }
    var markdown: URL { folder.appendingPathComponent("report.md") }
    var json: URL { folder.appendingPathComponent("report.json") }

    /// The sheet of a prompt's cases; nil where masks come from files.
    func sheet(_ prompt: PromptStrategy?) -> URL {
        let name = (prompt?.description ?? "predictions").replacing(":", with: "-")
            .replacing("%", with: "")
        return folder.appendingPathComponent("cases_\(name).png")
    }

    /// How masks were asked for: one sheet each.
    var sheets: [PromptStrategy?] { prompts.isEmpty ? [nil] : prompts.map { $0 } }

    private var all: [URL] { [table, markdown, json] + sheets.map(sheet) }

    /// Makes the folder, and refuses to replace what is in it.
    ///
    /// - Parameter force: whether an older report may be replaced.
    /// - Throws: an exit code, its reason said.
    func check(force: Bool) throws {
        let output = OutputFolder(folder.path)
        try output.check(all, force: force)
        try output.make()
    }
}
