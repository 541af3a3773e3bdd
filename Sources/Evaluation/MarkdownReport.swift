import Datasets
import FileIO
import Foundation
import Imaging
import Metrics

extension EvaluationReport {
    /// `report.md`: the tables, for a person.
    public var markdown: String {
        let parts = [
            heading, incomplete, mainTable, otherTable, foundTable, presenceTable,
            calibrationTable, speedText, notes,
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    private var heading: String {
        let hash = source.model.map { ", SHA-256 `\($0.sha256)`" } ?? ""
        let network = source.model.map { ", \($0.kind.rawValue)" } ?? ""
        let part = data.limitedFrom.map { " of \($0) (limited)" } ?? ""
        let grid = options.resolution == .native ? "the images' own" : "256x256, stretched to it"
        return """
            # Evaluation of \(source.name)

            **\(ResearchNotice.text.capitalizedFirst).**

            - masks: \(source.kind.rawValue) `\(source.name)`\(network)\(hash)
            - data: `\(data.split)` of `\(data.root)`, \(data.images) images\(part), \
            \(Set(cases.map(\.id)).count) objects, SHA-256 `\(data.hash)`
            - grid: \(grid); seed \(options.seed); \(program); \(date.ISO8601Format())
            - machine: \(machine)\(source.runs.map { "; \($0)" } ?? "")
            """
    }

    private var incomplete: String {
        var lines: [String] = []
        if !isComplete { lines.append("**Incomplete: the run was interrupted.**") }
        if !failures.isEmpty {
            lines.append("**\(failures.count) images failed and are in no table:**\n")
            lines += failures.map { "- \($0.image): \($0.reason)" }
        }
        return lines.joined(separator: "\n")
    }

    private var mainTable: String {
        var table = MarkdownTable([
            "set", "prompt", "", "counted", "n", "Dice %", "SD", "median", "95 % interval",
        ])
        for row in summaries where row.metric == .dice && row.basis != .foundCases {
            let figures = row.figures
            let interval = "\((100 * figures.low).fixed(2)) to \((100 * figures.high).fixed(2))"
            table.add([
                row.group.title, row.variant.title, row.variant.prompt.promptedWord,
                row.basis.rawValue, "\(figures.count)", (100 * figures.mean).fixed(2),
                (100 * figures.deviation).fixed(2), (100 * figures.median).fixed(2), interval,
            ])
        }
        return "## Dice\n\n" + table.text
    }

    private var otherTable: String {
        let table = wideTable(
            .cases,
            [
                .iou, .hd, .hd95, .assd, .surfaceDice, .recall,
                .precision, .samusHD,
            ])
        return "## Other metrics, mean ± SD over cases\n\n" + table
    }

    private var foundTable: String {
        guard presence.contains(where: { $0.missed + $0.invented + $0.absent > 0 }) else {
            return ""
        }
        let table = wideTable(
            .foundCases, [.dice, .hd, .hd95, .assd, .surfaceDice])
        return "## The contour alone: objects that are there and have a mask\n\n" + table
    }

    /// One row for each set, variant and unit of length.
    private func wideTable(_ basis: SummaryRow.Basis, _ metrics: [MaskMetric]) -> String {
        let rows = summaries.filter { $0.basis == basis }
        let titles = metrics.map { $0.unit == .length ? "\($0.title) in unit" : $0.title }
        var table = MarkdownTable(["set", "prompt", "", "n", "unit"] + titles)
        for key in uniqued(rows.map { WideRow(group: $0.group, variant: $0.variant) }) {
            let members = rows.filter { $0.group == key.group && $0.variant == key.variant }
            for unit in LengthUnit.allCases {
                guard let lengths = members.first(where: { $0.unit == unit }) else { continue }
                let cells = metrics.map { metric in
                    let row = members.first {
                        $0.metric == metric && ($0.unit == nil || $0.unit == unit)
                    }
                    return row.map { $0.figures.text(of: metric) } ?? ""
                }
                table.add(
                    [
                        key.group.title, key.variant.title, key.variant.prompt.promptedWord,
                        "\(lengths.figures.count)", unit.rawValue,
                    ] + cells)
            }
        }
        return table.text
    }

    private var presenceTable: String {
        var table = MarkdownTable([
            "set", "prompt", "", "there, found", "there, missed", "not there, invented",
            "not there, none",
        ])
        for row in presence {
            table.add(
                [
                    ScoreGroup(dataset: row.dataset, label: row.label).title, row.prompt.title,
                    row.prompt.promptedWord,
                ] + [row.found, row.missed, row.invented, row.absent].map(String.init))
        }
        return "## Is the object there? Masks counted\n\n" + table.text
    }

    private var calibrationTable: String {
        guard !calibration.isEmpty else { return "" }
        var table = MarkdownTable([
            "prompt", "", "masks", "mean estimate", "mean IoU", "mean error", "ECE", "correlation",
        ])
        for row in calibration {
            table.add([
                row.prompt.title, row.prompt.promptedWord, "\(row.count)", row.estimate.fixed(3),
                row.iou.fixed(3), row.calibration.meanAbsoluteError.fixed(3),
                row.calibration.expectedError.fixed(3),
                row.calibration.pearson?.fixed(3) ?? "",
            ])
        }
        return "## Does the model know how good it is? IoU estimate against IoU\n\n" + table.text
    }

    private var speedText: String {
        guard let speed else { return "" }
        return """
            ## Speed

            \(speed.framesPerSecond.fixed(2)) images a second after warm-up, each with one mask: \
            \((1000 * speed.encode).fixed(1)) ms to encode an image and \
            \((1000 * speed.prompt).fixed(1)) ms a mask (medians of \(speed.images) images, \
            \(speed.masks) masks). Machine: \(machine).
            """
    }

    private var notes: String {
        let tolerance = options.tolerance
        return """
            ## How to read this

            - *Prompted*: the prompt was made from the label, which flatters; compare only figures \
            with the same prompt.
            - Both empty: Dice, IoU and surface Dice 1, distances 0; one empty: 0, and the image \
            diagonal. No case is left out.
            - Intervals: 95 % percentile bootstrap of the mean, seed \(options.seed); cases of one \
            patient are not independent, see the rows by patients.
            - HD and HD95 are between outlines; surface Dice within \(tolerance.millimetres) mm, or \
            \(tolerance.pixels) px where no spacing is known. Means never mix mm and px.
            - `samus_hd` is what the SAMUS paper prints as HD: between the rows of the masks. \
            Compare nothing else with that column.
            """
    }
}

private struct WideRow: Hashable {
    let group: ScoreGroup
    let variant: Variant
}

extension SummaryRow {
    var group: ScoreGroup { ScoreGroup(dataset: dataset, label: label) }
}

extension Figures {
    fileprivate func text(of metric: MaskMetric) -> String {
        let isShare = metric.unit == .share
        let (factor, digits) = isShare ? (100.0, 1) : (1.0, 2)
        return "\((factor * mean).fixed(digits)) ± \((factor * deviation).fixed(digits))"
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension Double {
    /// The number with so many digits after the point.
    func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }
}

extension EvaluationReport {
    /// `per_case.csv`: one line for each mask.
    public var caseTable: String {
        let metrics = MaskMetric.allCases.map(\.rawValue)
        let header =
            [
                "dataset", "name", "class", "patient", "prompt", "prompted", "click", "points",
                "negatives", "box", "label_px", "mask_px", "presence", "spacing_x_mm",
                "spacing_y_mm", "length_unit",
            ] + metrics + ["iou_estimate", "encode_seconds", "prompt_seconds"]
        return ([header] + cases.map(\.fields)).map(CSV.line).joined(separator: "\n") + "\n"
    }
}

extension EvaluatedCase {
    fileprivate var fields: [String] {
        let promptFields: [String] = [
            prompt?.description ?? "as given", prompt.promptedWord, "\(click)", points.text,
            backgroundPoints.text, box.map { [$0].text } ?? "",
        ]
        let spacingFields: [String] = [
            spacing.map { "\($0.x)" } ?? "", spacing.map { "\($0.y)" } ?? "", unit.rawValue,
        ]
        let areas: [String] = ["\(labelArea)", "\(maskArea)", presence.rawValue]
        let metrics: [String] = MaskMetric.allCases.map { metric in
            self[metric].map { "\($0)" } ?? ""
        }
        let times: [String] = [
            iouEstimate.map { "\($0)" } ?? "", encodeSeconds.fixed(6), promptSeconds.fixed(6),
        ]
        return [dataset, name, "\(label)", patient ?? ""] + promptFields + areas + spacingFields
            + metrics + times
    }
}

extension [[Double]] {
    /// As the command line takes points and boxes; several are apart by a space.
    fileprivate var text: String {
        map { $0.map { Int(exactly: $0).map(String.init) ?? "\($0)" }.joined(separator: ",") }
            .joined(separator: " ")
    }
}
