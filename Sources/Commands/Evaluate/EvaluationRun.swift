import ArgumentParser
import Datasets
import Evaluation
import FileIO
import Foundation
import Imaging

/// An evaluation: what to measure, and where the report goes.
struct EvaluationRun {
    let source: any MaskSource
    let samples: [Sample]
    let options: EvaluationOptions
    let data: EvaluationReport.Data
    let files: EvaluationFiles
    /// The versions of the libraries that the model runs on.
    let versions: [String: String]

    /// Largest number of notes on the terminal; the report has all.
    private static let printedNotes = 5

    /// Evaluates all images and writes the report; an image that fails does not stop the others.
    ///
    /// - Parameter lock: of the report's folder.
    /// - Throws: ``ExitError`` when an image failed, the report cannot be written, or the user
    ///   interrupted the run. The images done so far are in the report.
    func run(holding lock: FolderLock) throws {
        let evaluation = evaluate()
        for failure in evaluation.failures {
            Terminal.log(
                "failed: \(failure.image.visibleLine): \(failure.reason.visibleLine)")
        }
        for note in evaluation.notes.prefix(Self.printedNotes) {
            Terminal.log("note: \(note.visibleLine)")
        }
        if evaluation.notes.count > Self.printedNotes {
            Terminal.log("note: \(evaluation.notes.count - Self.printedNotes) more in the report")
        }
        let done = evaluation.timings.count
        guard !evaluation.cases.isEmpty else {
            OutputFolder(files.folder.path).removeIfEmpty()
            guard evaluation.isComplete else {
                throw ExitError(.interrupted, "interrupted: no image is done")
            }
            throw ExitError(
                .someImages, "\(counted(evaluation.images, "image")) failed, which is all")
        }
        let report = EvaluationReport(
            evaluation, source: source.record, options: options, data: data,
            program: "samus \(ProgramVersion.current)",
            versions: versions)
        try withExitStatus(.output) { try write(report, evaluation, holding: lock) }
        Terminal.print(report.closing(folder: files.folder.relativePath))
        guard evaluation.isComplete else {
            throw ExitError(
                .interrupted,
                "interrupted: \(done) of \(evaluation.images) images are done; the report is "
                    + "marked as incomplete")
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

    private func write(
        _ report: EvaluationReport, _ evaluation: Evaluation, holding lock: FolderLock
    ) throws {
        let sheet = ContactSheet(evaluation, options: options, samples: samples)
        let comment =
            "samus \(ProgramVersion.current), \(source.record.name); "
            + ResearchNotice.text
        var set = FileTransaction()
        try set.add(Array(report.caseTable.utf8), at: files.table.path)
        try set.add(Array(report.markdown.utf8), at: files.markdown.path)
        for prompt in files.sheets {
            guard let image = try sheet.draw(prompt) else { continue }
            try set.add(image.encodedPNG(comment: comment), at: files.sheet(prompt).path)
        }
        if files.hasMasks { try set.add(EvaluatedMasks(evaluation).json(), at: files.masks.path) }
        try set.add(report.json(), at: files.json.path)
        try set.commit(holding: lock)
    }
}

extension EvaluationReport {
    /// The last lines of the command's output: Dice for each dataset and prompt.
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
    /// Whether the masks are written too.
    let hasMasks: Bool
    private let prompts: [PromptStrategy]

    /// - Parameters:
    ///   - folder: the output folder.
    ///   - prompts: the prompts that are measured; none for masks of another program.
    ///   - hasMasks: whether the masks are written too.
    init(folder: String, prompts: [PromptStrategy], hasMasks: Bool = false) {
        self.folder = URL(fileURLWithPath: folder)
        self.prompts = prompts
        self.hasMasks = hasMasks
    }

    var table: URL { folder.appendingPathComponent("per_case.csv") }
    var markdown: URL { folder.appendingPathComponent("report.md") }
    var json: URL { folder.appendingPathComponent("report.json") }
    var masks: URL { folder.appendingPathComponent("masks.json") }

    /// The contact sheet of a prompt; nil means masks of another program.
    func sheet(_ prompt: PromptStrategy?) -> URL {
        let name = (prompt?.description ?? "predictions").replacing(":", with: "-")
            .replacing("%", with: "")
        return folder.appendingPathComponent("cases_\(name).png")
    }

    /// One contact sheet for each prompt.
    var sheets: [PromptStrategy?] { prompts.isEmpty ? [nil] : prompts.map { $0 } }

    private var all: [URL] {
        [table, markdown, json] + (hasMasks ? [masks] : []) + sheets.map(sheet)
    }

    /// Makes the folder.
    ///
    /// - Throws: ``ExitError``.
    func makeFolder() throws(ExitError) {
        try OutputFolder(folder.path).make()
    }

    /// Refuses to replace an existing report, or an input.
    ///
    /// - Parameters:
    ///   - inputs: files that the run reads.
    ///   - force: whether an existing report may be replaced.
    /// - Throws: ``ExitError``.
    func check(inputs: [String], force: Bool) throws(ExitError) {
        try OutputFolder(folder.path).check(all, inputs: inputs, force: force)
    }
}
