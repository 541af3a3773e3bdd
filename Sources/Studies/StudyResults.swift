import Datasets
import Evaluation
import FileIO
import Foundation

/// Writes the results of a study: tables, figures and sheets.
public struct StudyResults {
    private let scores: StudyScores
    private let folder: StudyFolder
    private let progress: (done: Int, all: Int)

    /// Reads the evaluations that are done.
    ///
    /// - Parameters:
    ///   - plan: the jobs.
    ///   - folder: the study's folder.
    /// - Throws: ``StudyError``, or `EvaluationError` for a report that cannot be read.
    public init(_ plan: StudyPlan, in folder: StudyFolder) throws {
        scores = try StudyScores(plan, in: folder)
        self.folder = folder
        let done = try plan.jobs.filter { try folder.isDone($0) }
        progress = (done.count, plan.jobs.count)
    }

    /// Writes `results.md`, `tables.tex`, `statistics.csv`, `per_case.csv`, `costs.csv` and the
    /// images, all or none.
    ///
    /// - Throws: `FileError`, ``StudyError``, and what reading masks and images throws.
    public func write() throws {
        let study = scores.plan.study
        let tables = study.evaluation.protocols.flatMap { kind in
            study.results.metrics.map { StudyTable(scores, kind, $0) }
        }
        let costs = try StudyCosts.all(scores, in: folder)
        let figures = try figures(tables)
        let text = StudyMarkdown(
            scores: scores, tables: tables, costs: costs, progress: progress, figures: figures
        ).text
        try FileManager.default.createDirectory(
            atPath: folder.results, withIntermediateDirectories: true)
        let lock = try FolderLock(folder.results)
        try FileTransaction.recover(holding: lock)
        var files = [
            ("results.md", Array(text.utf8)),
            ("tables.tex", Array(StudyLaTeX(tables: tables).text.utf8)),
            ("statistics.csv", Array(StudyCSV.statistics(tables).utf8)),
            ("per_case.csv", Array(StudyCSV.cases(scores).utf8)),
            ("costs.csv", Array(StudyCSV.costs(costs).utf8)),
        ]
        files += figures.map { ($0.name, $0.bytes) }
        var transaction = FileTransaction()
        for (name, bytes) in files { try transaction.add(bytes, at: "\(folder.results)/\(name)") }
        try transaction.commit(holding: lock)
        removeOthers(than: Set(files.map(\.0)))
    }

    /// Removes figures of a former version of the study, which would be taken for its own.
    private func removeOthers(than names: Set<String>) {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.results)) ?? []
        for name in found where !names.contains(name) {
            if StudyFigure.isName(name), FileKind("\(folder.results)/\(name)") == .file {
                unlink("\(folder.results)/\(name)")
            }
        }
    }

    private func figures(_ tables: [StudyTable]) throws -> [StudyFigure] {
        let study = scores.plan.study
        let data = try DatasetCollection(root: scores.plan.inputs.root)
        let sheet = DifferenceSheet(scores: scores, folder: folder, data: data)
        var figures: [StudyFigure] = []
        var taken: Set<String> = []
        for kind in study.evaluation.protocols {
            guard let table = tables.first(where: { $0.kind == kind }) else { continue }
            figures += try StudyFigure.ranks(table)
            let curves = [
                try StudyFigure.learningCurves(scores, kind, table.metric),
                try StudyFigure.promptCurves(scores, kind, table.metric),
            ]
            figures += curves.compactMap(\.self)
            for task in table.tasks {
                let drawn = try sheet.draw(
                    kind, task, by: table.metric, count: study.results.sheets)
                guard var figure = drawn else { continue }
                figure.name = DifferenceSheet.unique(figure.name, &taken)
                figures.append(figure)
            }
        }
        return figures
    }
}
