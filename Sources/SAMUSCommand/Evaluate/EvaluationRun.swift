import ArgumentParser
import Evaluation
import Foundation
import Imaging
import Ultrasound

/// An evaluation from samples to files.
struct EvaluationRun {
    let source: any MaskSource
    let samples: [Sample]
    let options: EvaluationOptions
    let data: EvaluationReport.Data
    let files: EvaluationFiles
    /// Of what the model ran on, by name.
    let versions: [String: String]

    /// Evaluates and writes; a picture that fails does not stop the others.
    ///
    /// - Throws: an exit code when a picture failed, the report could not be written, or somebody
    ///   interrupted the run; what was measured until then is written.
    func callAsFunction() throws {
        let evaluation = evaluate()
        for failure in evaluation.failures {
            Terminal.complain(
                "failed: \(failure.picture.visibleLine): \(failure.reason.visibleLine)")
        }
        let done = evaluation.encodings.count
        guard !evaluation.cases.isEmpty else {
            guard evaluation.isComplete else {
                throw Failure.interrupted.because("interrupted: no picture is done")
            }
            throw Failure.somePictures.because("all \(evaluation.pictures) pictures failed")
        }
        let report = EvaluationReport(
            evaluation, source: source.record, options: options, data: data,
            program: "samus \(ProgramVersion.current)",
            versions: versions)
        try Failure.output.guarding { try write(report, evaluation) }
        print(report.closing(folder: files.folder.relativePath))
        guard evaluation.isComplete else {
            throw Failure.interrupted.because(
                "interrupted: \(done) of \(evaluation.pictures) pictures are done; the report "
                    + "says that it is incomplete")
        }
        guard evaluation.failures.isEmpty else {
            throw Failure.somePictures.because(
                "\(evaluation.failures.count) of \(evaluation.pictures) pictures failed")
        }
    }

    private func evaluate() -> Evaluation {
        let interruption = Interruption()
        var progress = ProgressBar(total: Set(samples.map(\.picture)).count)
        defer { progress.clear() }
        return Evaluator(source, options: options).evaluate(
            samples,
            goesOn: { done, picture in
                progress.show(done: done, name: picture)
                return !interruption.isRequested
            })
    }

    private func write(_ report: EvaluationReport, _ evaluation: Evaluation) throws {
        let sheet = ContactSheet(evaluation, options: options, samples: samples)
        let comment =
            "samus \(ProgramVersion.current), \(source.record.name); "
            + ResearchNotice.text
        var contents: [(URL, () throws -> [UInt8])] = [
            (files.table, { Array(report.caseTable.utf8) }),
            (files.markdown, { Array(report.markdown.utf8) }),
        ]
        for prompt in files.sheets {
            guard let image = try sheet.draw(prompt) else { continue }
            contents.append((files.sheet(prompt), { try image.encodedPNG(comment: comment) }))
        }
        // Last: whoever finds it finds the others too.
        contents.append((files.json, { try report.json() }))
        try WholeFiles.write(contents)
    }
}

extension EvaluationReport {
    /// What the program says at the end: Dice of each set and prompt.
    fileprivate func closing(folder: String) -> String {
        let rows = summaries.filter { $0.metric == .dice && $0.basis == .cases }
        let lines = rows.map { row in
            let label = row.label.map { ", class \($0)" } ?? ""
            let prompted = row.isPrompted.map { $0 ? "prompted" : "unprompted" } ?? "not stated"
            let figures = row.figures
            return String(
                format: "%@: Dice %.4f (SD %.4f, median %.4f, 95 %% %.4f to %.4f), n %d",
                "\((row.dataset ?? "all sets").visibleLine)\(label), \(row.variant.title) "
                    + "(\(prompted))",
                figures.mean, figures.deviation, figures.median, figures.low, figures.high,
                figures.count)
        }
        return (lines + ["", "report: \(folder.visibleLine)/report.md", ResearchNotice.text])
            .joined(separator: "\n")
    }
}
