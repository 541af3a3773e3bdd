import Evaluation
import FileIO
import Foundation
import Imaging
import MaskMetrics

/// The tables of a study as LaTeX, for the package booktabs.
struct StudyLaTeX {
    let tables: [StudyTable]

    var text: String {
        let head = "% \(ResearchNotice.text). Needs \\usepackage{booktabs}.\n"
        return head + tables.map(Self.text).joined(separator: "\n")
    }

    private static func text(_ table: StudyTable) -> String {
        let digits = table.metric.unit == .share ? 4 : 2
        let columns = table.tasks.count + 1
        var lines = [
            "\\begin{table}", "\\centering", "\\caption{\(escaped(caption(table)))}",
            "\\begin{tabular}{llc" + String(repeating: "c", count: columns) + "}", "\\toprule",
            (["System", "Prompt", "Prompted"] + table.tasks.map { escaped($0.name) } + ["Mean"])
                .joined(separator: " & ") + " \\\\", "\\midrule",
        ]
        for (index, row) in table.rows.enumerated() {
            let cells =
                [escaped(row.system.name), escaped(row.promptTitle), row.isPrompted ? "yes" : "no"]
                + table.cells[index].map { $0.map { text($0, digits) } ?? "--" }
                + [table.mean(of: index)?.fixed(digits) ?? "--"]
            // Behind a row's end, LaTeX would read a name such as [A] as an optional argument.
            lines.append("{}" + cells.joined(separator: " & ") + " \\\\")
        }
        lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
        return lines.joined(separator: "\n")
    }

    private static func caption(_ table: StudyTable) -> String {
        "\(table.heading). \(table.kind.title). Mean ± standard deviation over objects; bold: "
            + "the best of the rows with the same information; †: differs from it (Wilcoxon, Holm, "
            + "5 %). Research use only, not a medical device."
    }

    private static func text(_ cell: StudyTable.Cell, _ digits: Int) -> String {
        let mean = cell.statistics.mean.fixed(digits)
        let deviation = cell.statistics.standardDeviation.fixed(digits)
        let number = cell.isBest ? "\\textbf{\(mean)}" : mean
        let mark = StudyTable.isSignificant(cell) ? "$^{\\dagger}$" : ""
        let unit = cell.unit == .millimetres ? "~mm" : ""
        return "\(number) $\\pm$ \(deviation)\(unit)\(mark)"
    }

    /// A text with LaTeX's special characters escaped.
    static func escaped(_ text: String) -> String {
        text.visibleLine.map { character in
            switch character {
            case "\\": "\\textbackslash{}"
            case "&", "%", "$", "#", "_", "{", "}": "\\\(character)"
            case "~": "\\textasciitilde{}"
            case "<": "\\textless{}"
            case ">": "\\textgreater{}"
            case "|": "\\textbar{}"
            case "^": "\\textasciicircum{}"
            case "±": "$\\pm$"
            case "†": "$\\dagger$"
            default: "\(character)"
            }
        }.joined()
    }
}

/// The tables of a study as CSV, for other programs.
enum StudyCSV {
    /// `statistics.csv`: one line for each cell of each table.
    static func statistics(_ tables: [StudyTable]) -> String {
        let header = [
            "protocol", "metric", "unit", "task", "system", "prompt", "prompted", "trained_with",
            "objects", "patients", "mean", "sd", "median", "low_95", "high_95", "sd_over_seeds",
            "best_of_its_kind", "pairs", "difference_to_best", "p_wilcoxon", "p_holm",
        ]
        var lines = [CSV.line(header)]
        for table in tables {
            for (index, row) in table.rows.enumerated() {
                for (task, cell) in zip(table.tasks, table.cells[index]) {
                    guard let cell else { continue }
                    lines.append(CSV.line(fields(table, row, task, cell)))
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func fields(
        _ table: StudyTable, _ row: StudyRow, _ task: StudyTask, _ cell: StudyTable.Cell
    ) -> [String] {
        let statistics = cell.statistics
        let names: [String] = [
            table.kind.rawValue, table.metric.rawValue, cell.unit?.rawValue ?? "", task.name,
            row.system.name, row.prompt?.description ?? "predictions",
            row.isPrompted ? "yes" : "no",
            table.trainedWith(row),
        ]
        let numbers: [String] = [
            "\(statistics.count)", "\(cell.patients)", "\(statistics.mean)",
            "\(statistics.standardDeviation)", "\(statistics.median)", "\(statistics.low)",
            "\(statistics.high)", cell.seedDeviation.map { "\($0)" } ?? "",
        ]
        let comparison = cell.comparison
        let tests: [String] = [
            cell.isBest ? "yes" : "no", comparison.map { "\($0.pairs)" } ?? "",
            comparison.map { "\($0.difference)" } ?? "", comparison.map { "\($0.pValue)" } ?? "",
            comparison.map { "\($0.corrected)" } ?? "",
        ]
        return names + numbers + tests
    }

    /// `per_case.csv`: one line for each object, system, prompt, fraction and seed.
    static func cases(_ scores: StudyScores) -> String {
        let metrics = MaskMetric.allCases
        let header =
            [
                "protocol", "system", "prompt", "prompted", "fraction", "seed", "dataset", "name",
                "class", "patient", "length_unit",
            ] + metrics.map(\.rawValue)
        var lines = [CSV.line(header)]
        for entry in scores.plan.entries {
            let cases = scores.report(entry.evaluation)?.cases ?? []
            for one in cases
            where one.dataset == entry.task.dataset && one.label == entry.task.label {
                let row = StudyRow(system: entry.system, prompt: one.prompt)
                let names: [String] = [
                    entry.kind.rawValue, entry.system.name,
                    one.prompt?.description ?? "predictions", row.isPrompted ? "yes" : "no",
                    entry.fraction.map { "\($0)" } ?? "", entry.seed.map { "\($0)" } ?? "",
                    one.dataset, one.name, "\(one.label)", one.patient ?? "", one.unit.rawValue,
                ]
                let values = metrics.map { one.values[$0].map { "\($0)" } ?? "" }
                lines.append(CSV.line(names + values))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `costs.csv`: one line for each system.
    static func costs(_ costs: [StudyCosts]) -> String {
        let header = [
            "system", "parameters", "gmac", "training_minutes", "training_peak_bytes",
            "evaluation_peak_bytes", "seconds_per_image",
        ]
        let rows = costs.map { cost -> [String] in
            let sizes: [String] = [
                cost.parameters.map { "\($0)" } ?? "", cost.gmac.map { "\($0)" } ?? "",
            ]
            let uses: [String] = [
                cost.trainingMinutes.map { "\($0)" } ?? "",
                cost.trainingMemory.map { "\($0)" } ?? "", cost.memory.map { "\($0)" } ?? "",
                cost.secondsPerImage.map { "\($0)" } ?? "",
            ]
            return [cost.system.name] + sizes + uses
        }
        return ([header] + rows).map(CSV.line).joined(separator: "\n") + "\n"
    }
}
