import Datasets
import Drawing
import Evaluation
import FileIO
import Foundation
import Imaging
import MaskMetrics

/// An image file of the results.
struct StudyFigure {
    /// The protocol that it belongs to.
    var kind: StudyProtocol
    /// The file's name.
    var name: String
    /// What it shows.
    var title: String
    /// The file's content.
    var bytes: [UInt8]
}

extension StudyFigure {
    /// Whether a study makes figures of this name.
    static func isName(_ name: String) -> Bool {
        StudyProtocol.allCases.map(\.rawValue).contains { kind in
            let curves = ["learning-curves-\(kind).png", "prompt-curves-\(kind).png"]
            let ranks = [false, true].flatMap { isPrompted in
                ["png", "svg"].map { "\(ranksName(kind, isPrompted)).\($0)" }
            }
            return (curves + ranks).contains(name)
                || name.hasPrefix("differences-\(kind)-") && name.hasSuffix(".png")
        }
    }

    /// The critical-difference diagram of a table as PNG and SVG.
    ///
    /// - Throws: `ImageError`.
    static func ranks(_ table: StudyTable) throws -> [StudyFigure] {
        try table.ranks().flatMap { ranks in
            let title =
                "\(table.metric.title), mean ranks over \(ranks.comparison.blocks) tasks, "
                + "\(table.kind.rawValue), \(ranks.isPrompted ? "with" : "without") a prompt"
            let diagram = CriticalDifferenceDiagram(
                title: title,
                systems: zip(ranks.rows, ranks.comparison.meanRanks).map {
                    (table.rows[$0].title, $1)
                }, criticalDifference: ranks.comparison.criticalDifference)
            let name = ranksName(table.kind.rawValue, ranks.isPrompted)
            return [
                StudyFigure(
                    kind: table.kind, name: "\(name).png", title: title,
                    bytes: try diagram.draw().encodedPNG(comment: ResearchNotice.text)),
                StudyFigure(
                    kind: table.kind, name: "\(name).svg", title: title,
                    bytes: Array(diagram.svg().utf8)),
            ]
        }
    }

    private static func ranksName(_ kind: String, _ isPrompted: Bool) -> String {
        "ranks-\(kind)-\(isPrompted ? "prompted" : "no-prompt")"
    }

    /// The mean over the tasks for each fraction of the training images.
    ///
    /// - Returns: nil for one fraction, or where no row has two.
    /// - Throws: `ImageError`.
    static func learningCurves(
        _ scores: StudyScores, _ kind: StudyProtocol, _ metric: MaskMetric
    ) throws -> StudyFigure? {
        let fractions = scores.plan.study.training.fractions.sorted()
        guard fractions.count > 1 else { return nil }
        let series = scores.rows(of: kind).filter(\.system.isTrained).map { row in
            Chart.Series(
                row.title,
                fractions.compactMap { fraction in
                    scores.mean(kind, row, metric, fraction: fraction).map {
                        .init(100 * fraction, $0)
                    }
                }, style: .dottedLine)
        }
        return try figure(
            series, kind, metric, name: "learning-curves", xLabel: "% of the training images")
    }

    /// The mean over the tasks by the number of clicks, of systems with several such prompts.
    ///
    /// - Returns: nil where no system has them.
    /// - Throws: `ImageError`.
    static func promptCurves(
        _ scores: StudyScores, _ kind: StudyProtocol, _ metric: MaskMetric
    ) throws -> StudyFigure? {
        let rows = scores.rows(of: kind)
        var series: [Chart.Series] = []
        for system in rows.map(\.system).uniqued {
            for isCorrected in [false, true] {
                let points = rows.filter { $0.system == system }.compactMap {
                    row -> Chart.Point? in
                    guard let clicks = row.prompt?.clicks(areCorrections: isCorrected),
                        let mean = scores.mean(kind, row, metric)
                    else { return nil }
                    return .init(Double(clicks), mean)
                }
                series.append(
                    Chart.Series(
                        "\(system.name), \(isCorrected ? "corrections" : "clicks at once")",
                        points.sorted { $0.x < $1.x }, style: .dottedLine))
            }
        }
        return try figure(series, kind, metric, name: "prompt-curves", xLabel: "clicks")
    }

    private static func figure(
        _ series: [Chart.Series], _ kind: StudyProtocol, _ metric: MaskMetric, name: String,
        xLabel: String
    ) throws -> StudyFigure? {
        let shown = series.filter { $0.points.count > 1 }
        guard !shown.isEmpty else { return nil }
        let title = "\(metric.title), mean over the tasks, \(kind.rawValue)"
        let chart = Chart(title: title, xLabel: xLabel, yLabel: metric.title, series: shown)
        return StudyFigure(
            kind: kind, name: "\(name)-\(kind.rawValue).png", title: title,
            bytes: try chart.draw().encodedPNG(comment: ResearchNotice.text))
    }
}

extension PromptStrategy {
    /// The number of clicks; nil for prompts of another kind.
    fileprivate func clicks(areCorrections: Bool) -> Int? {
        switch self {
        case .corrections(let count): areCorrections ? count + 1 : nil
        case .clicks(let count): areCorrections ? nil : count
        default: nil
        }
    }
}

extension StudyScores {
    /// The mean of a row over all tasks of a protocol; nil where a task is missing.
    fileprivate func mean(
        _ kind: StudyProtocol, _ row: StudyRow, _ metric: MaskMetric, fraction: Double? = nil
    ) -> Double? {
        let tasks = tasks(of: kind)
        let means = tasks.compactMap { task -> Double? in
            let values =
                cell(kind, row, task, fraction: fraction)?.cases(with: metric)
                .compactMap { $0.values[metric] } ?? []
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        return means.count == tasks.count ? means.reduce(0, +) / Double(means.count) : nil
    }
}
