import Evaluation
import FileIO
import Foundation
import Imaging
import MaskMetrics

/// `results.md`: the tables of a study, for a person.
struct StudyMarkdown {
    let scores: StudyScores
    let tables: [StudyTable]
    let costs: [StudyCosts]
    /// Jobs that are done, and all jobs.
    let progress: (done: Int, all: Int)
    /// Names of image files by protocol, drawn before.
    let figures: [StudyFigure]

    var text: String {
        let plan = scores.plan
        var parts = [heading]
        if progress.done < progress.all {
            parts.append(
                "**Incomplete: \(progress.done) of \(counted(progress.all, "job")) are done; a cell "
                    + "without a number is not.**")
        }
        for kind in plan.study.evaluation.protocols {
            parts += section(kind)
        }
        parts += ["## Costs", costTable, Self.notes]
        return (parts.joined(separator: "\n\n") + "\n").visible
    }

    private var heading: String {
        let study = scores.plan.study
        return """
            # \(study.title.visibleLine)

            **\(ResearchNotice.text.prefix(1).uppercased() + ResearchNotice.text.dropFirst()).**

            - study: \(study.name.markdownCode), list \(study.evaluation.split.rawValue)\
            \(study.evaluation.limit.map { ", the first \($0) images of each dataset" } ?? ""), \
            compared at \(study.evaluation.resolution == .model ? "256x256" : "the images' own pixels")
            - training: \(budgets(study)), \(seeds(study.training.seeds)); the tables \
            are of trainings with \(images(study.training.fractions.max() ?? 1))
            - evaluated by \(scores.programs.joined(separator: "; ")) on \
            \(scores.machines.joined(separator: "; "))
            """
    }

    private func budget(_ budget: StudyBudget) -> String {
        switch budget {
        case .epochs(let count): counted(count, "epoch")
        case .steps(let count): "\(counted(count, "step")), rounded up to whole epochs"
        case .minutes(let count): "about \(count.fixed(count < 10 ? 1 : 0)) minutes each"
        }
    }

    /// The budget; with the names of its networks where budgets differ.
    private func budgets(_ study: Study) -> String {
        let networks = study.networks.map { ($0.name, $0.budget ?? study.training.budget) }
        let texts = networks.map { budget($0.1) }.uniqued
        guard texts.count > 1 else { return texts.first ?? budget(study.training.budget) }
        return texts.map { text in
            let names = networks.filter { budget($0.1) == text }.map { Self.escaped($0.0) }
            return "\(names.joined(separator: ", ")): \(text)"
        }.joined(separator: "; ")
    }

    private func images(_ fraction: Double) -> String {
        fraction < 1 ? "\(percent(fraction)) of the training images" : "all training images"
    }

    /// A name of the study in a sentence, without Markdown's special characters.
    private static func escaped(_ name: String) -> String {
        name.visibleLine.replacing(#/[\\`*_\[\]<>|~]/#) { "\\\($0.output)" }
    }

    private func seeds(_ seeds: [Int]) -> String {
        "\(seeds.count == 1 ? "seed" : "means over the seeds") "
            + seeds.map(String.init).joined(separator: ", ")
    }

    private func section(_ kind: StudyProtocol) -> [String] {
        var parts = ["## \(kind.title)"]
        for table in tables where table.kind == kind {
            parts.append("### \(table.heading)")
            parts.append(text(of: table))
        }
        if let table = publishedTable(kind) { parts += ["### Dice here and as published", table] }
        if let first = tables.first(where: { $0.kind == kind }) {
            parts += first.ranks().map { text(of: $0, first) }
        }
        parts += figures.filter { $0.kind == kind && $0.name.hasSuffix(".png") }.map {
            "![\($0.title)](\($0.name))"
        }
        return parts
    }

    /// Dice beside the figures of a paper; nil where the study names none.
    private func publishedTable(_ kind: StudyProtocol) -> String? {
        guard let dice = tables.first(where: { $0.kind == kind && $0.metric == .dice }) else {
            return nil
        }
        let shown = dice.rows.indices.filter { dice.rows[$0].system.published[kind] != nil }
        guard !shown.isEmpty else { return nil }
        var lines = MarkdownTable(
            ["system", "prompt"] + dice.tasks.flatMap { [$0.name, "published"] })
        for index in shown {
            let row = dice.rows[index]
            let cells = zip(dice.tasks, dice.cells[index]).flatMap { task, cell in
                [
                    cell?.statistics.mean.fixed(4) ?? "",
                    row.system.published[kind]?[task.name]?.fixed(4) ?? "",
                ]
            }
            lines.add([row.system.name, row.promptTitle] + cells)
        }
        let isAlike = scores.plan.study.networks.allSatisfy {
            $0.options.isEmpty && $0.recipe == "full"
        }
        let training =
            isAlike
            ? "every network has the same augmentation, loss and optimizer, and starts"
            : "each network starts"
        return lines.text
            + "\n\nPublished figures are those of the paper's own program, splits and training. Here "
            + "\(training) from random weights unless the study gives it others; the paper's "
            + "networks use their authors' recipes."
    }

    private func text(of table: StudyTable) -> String {
        var lines = MarkdownTable(
            ["system", "prompt", "prompted", "trained with"] + table.tasks.map(\.name) + ["mean"])
        let digits = table.metric.unit == .share ? 4 : 2
        for (index, row) in table.rows.enumerated() {
            lines.add(
                [
                    row.system.name, row.promptTitle, row.isPrompted ? "yes" : "no",
                    table.trainedWith(row),
                ] + table.cells[index].map { $0.map { Self.text($0, digits) } ?? "" }
                    + [table.mean(of: index)?.fixed(digits) ?? ""])
        }
        return lines.text
    }

    private static func text(_ cell: StudyTable.Cell, _ digits: Int) -> String {
        let statistics = cell.statistics
        let number =
            "\(statistics.mean.fixed(digits)) ± \(statistics.standardDeviation.fixed(digits))"
        let unit = cell.unit == .millimetres ? " mm" : ""
        let mark = StudyTable.isSignificant(cell) ? " †" : ""
        return (cell.isBest ? "**\(number)**" : number) + unit + mark
    }

    private func text(of ranked: StudyTable.Ranks, _ table: StudyTable) -> String {
        let (comparison, rows) = (ranked.comparison, ranked.rows)
        let order = rows.indices.sorted {
            comparison.meanRanks[$0] < comparison.meanRanks[$1]
        }
        let ranks = order.map {
            "\(Self.escaped(table.rows[rows[$0]].title)) \(comparison.meanRanks[$0].fixed(2))"
        }
        let test = comparison.pValue.map {
            " Friedman's test: p = \(Self.pValue($0));"
        }
        return "Mean ranks by \(table.metric.title) over \(counted(comparison.blocks, "task")), "
            + "\(ranked.isPrompted ? "with" : "without") a prompt: "
            + ranks.joined(separator: ", ") + ".\(test ?? "") Nemenyi's critical difference "
            + "(5 %) is \(comparison.criticalDifference.fixed(2)). Rows without every task have no rank."
    }

    /// `0.012`, `3.1e-05`.
    static func pValue(_ value: Double) -> String {
        value < 0.001 ? String(format: "%.1e", value) : value.fixed(3)
    }

    private var costTable: String {
        var table = MarkdownTable([
            "system", "parameters", "GMAC an image", "minutes of training",
            "peak memory of training, MB", "peak memory of evaluation, MB", "seconds an image",
        ])
        for cost in costs {
            table.add([
                cost.system.name, cost.parameters?.formatted() ?? "", cost.gmac?.fixed(1) ?? "",
                cost.trainingMinutes?.fixed(1) ?? "", Self.megabytes(cost.trainingMemory),
                Self.megabytes(cost.memory), cost.secondsPerImage?.fixed(4) ?? "",
            ])
        }
        return table.text
    }

    private static func megabytes(_ bytes: Int?) -> String {
        bytes.map { (Double($0) / 1e6).fixed(0) } ?? ""
    }

    private static let notes = """
        ## How to read the tables
        - Cells are mean ± standard deviation over objects. `statistics.csv` has the 95 % intervals, whose \
        bootstrap draws whole patients (images where patients are unknown), and the tests.
        - Prompts were made from the labels, which makes results look better than in practice. Rows with \
        and without prompts have different information: bold is the best of each kind.
        - † differs from the best row of its kind: Wilcoxon's signed-rank test over patients, Holm's \
        correction over the rows of the column, 5 %. Few patients show no difference; that is no proof \
        that there is none.
        - The last column is the mean over the tasks, each of which counts once.
        - Ranks take each task as one block (Demšar 2006), with and without a prompt apart.
        - Seconds are the median to encode an image and make one mask, GMAC as the study file or the \
        bundle states them; peak memory is that of the whole process.
        """
}

extension StudyTable {
    /// The metric with its unit: `HD95, in px`.
    var heading: String {
        if metric == .samusHD {
            return "samus_hd: the authors' HD, in columns; not a distance between contours"
        }
        let units = cells.flatMap(\.self).compactMap { $0?.unit?.rawValue }.uniqued.sorted()
        return metric.title + (units.isEmpty ? "" : ", in \(units.joined(separator: " or "))")
    }

    /// What a row was trained with.
    func trainedWith(_ row: StudyRow) -> String {
        guard row.system.isTrained else {
            return "nothing here"
        }
        return switch kind {
        case .taskSpecific: "the task"
        case .universal: "all tasks"
        case .generalization: "other datasets"
        }
    }
}
