import Datasets
import FileIO
import Foundation
import Imaging
import MaskMetrics
import Segmentation

extension EvaluationReport {
    /// `report.md`: the tables, for a person.
    public var markdown: String {
        let parts = [
            heading, incomplete, mainTable, otherTable, detectedTable, detectionTable,
            calibrationTable, uncertaintyTable, interactionTable, speedText, notes,
        ]
        return (parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n").visible
    }

    private var heading: String {
        let hash = source.model.map { ", SHA-256 `\($0.sha256)`" } ?? ""
        let network = source.model.map { ", \($0.architecture.rawValue)" } ?? ""
        let part = data.limitedFrom.map { " of \($0) (limited)" } ?? ""
        let grid = options.resolution == .native ? "the images' own pixels" : "256x256"
        return """
            # Evaluation of \(source.name.visibleLine)

            **\(ResearchNotice.text.capitalizedFirst).**

            - masks: \(source.kind.rawValue) \(source.name.markdownCode)\(network)\(hash)
            - data: \(data.split.markdownCode) of \(data.root.markdownCode), \(counted(data.images, "image"))\(part), \
            \(counted(Set(cases.map(\.id)).count, "object")), SHA-256 `\(data.hash)`
            - resolution: \(grid)\(options.labels == true ? "; masks of an image's classes joined, highest logit" : ""); seed \(options.seed); \(program); \(date.ISO8601Format())
            - machine: \(machine)\(source.runtime.map { "; \($0)" } ?? "")
            """
    }

    private var incomplete: String {
        var lines: [String] = []
        if !isComplete { lines.append("**Incomplete: the run was interrupted.**") }
        if !failures.isEmpty {
            lines.append(
                "**\(failures.count) \(failures.count == 1 ? "image" : "images") failed and"
                    + " \(failures.count == 1 ? "is" : "are") not in the tables:**\n")
            lines += failures.map { "- \($0.image.visibleLine): \($0.reason.visibleLine)" }
        }
        lines += (dataNotes ?? []).map { "- note: \($0)" }
        return lines.joined(separator: "\n")
    }

    private var mainTable: String {
        var table = MarkdownTable([
            "dataset", "prompt", "prompted", "counted", "n", "Dice", "SD", "median",
            "95 % interval",
        ])
        for row in summaries where row.metric == .dice && row.basis != .detectedCases {
            let statistics = row.statistics
            let interval =
                "\(statistics.low.fixed(4)) to \(statistics.high.fixed(4))"
            table.add([
                row.group.title, row.variant.title, row.variant.prompt.promptedWord,
                row.basis.rawValue, "\(statistics.count)", statistics.mean.fixed(4),
                statistics.standardDeviation.fixed(4), statistics.median.fixed(4),
                interval,
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

    private var detectedTable: String {
        guard
            detection.contains(where: {
                $0.falseNegatives + $0.falsePositives + $0.trueNegatives > 0
            })
        else {
            return ""
        }
        let table = wideTable(
            .detectedCases, [.dice, .hd, .hd95, .assd, .surfaceDice])
        return "## Contours of detected objects (true positives)\n\n" + table
    }

    /// One row for each set, variant and unit of length.
    private func wideTable(_ basis: SummaryRow.Basis, _ metrics: [MaskMetric]) -> String {
        let rows = summaries.filter { $0.basis == basis }
        let titles = metrics.map { $0.unit == .length ? "\($0.title) in unit" : $0.title }
        var table = MarkdownTable(["dataset", "prompt", "prompted", "n", "unit"] + titles)
        for key in rows.map({ WideRow(group: $0.group, variant: $0.variant) }).uniqued {
            let members = rows.filter { $0.group == key.group && $0.variant == key.variant }
            for unit in LengthUnit.allCases {
                guard let lengths = members.first(where: { $0.unit == unit }) else { continue }
                let cells = metrics.map { metric in
                    let row = members.first {
                        $0.metric == metric && ($0.unit == nil || $0.unit == unit)
                    }
                    return row.map { $0.statistics.text(of: metric) } ?? ""
                }
                table.add(
                    [
                        key.group.title, key.variant.title, key.variant.prompt.promptedWord,
                        "\(lengths.statistics.count)", unit.rawValue,
                    ] + cells)
            }
        }
        return table.text
    }

    private var detectionTable: String {
        var table = MarkdownTable([
            "dataset", "prompt", "prompted", "true positives", "false negatives", "false positives",
            "true negatives",
        ])
        for row in detection {
            table.add(
                [
                    ScoreGroup(dataset: row.dataset, label: row.label).title, row.prompt.title,
                    row.prompt.promptedWord,
                ]
                    + [
                        row.truePositives, row.falseNegatives, row.falsePositives,
                        row.trueNegatives,
                    ].map(String.init))
        }
        return "## Detection: number of masks\n\n" + table.text
    }

    private var calibrationTable: String {
        guard !calibration.isEmpty else { return "" }
        var table = MarkdownTable([
            "prompt", "prompted", "masks", "mean estimate", "mean IoU", "mean error", "ECE",
            "correlation",
        ])
        for row in calibration {
            table.add([
                row.prompt.title, row.prompt.promptedWord, "\(row.count)", row.estimate.fixed(3),
                row.iou.fixed(3), row.calibration.meanAbsoluteError.fixed(3),
                row.calibration.expectedError.fixed(3),
                row.calibration.pearson?.fixed(3) ?? "",
            ])
        }
        return "## The model's IoU estimate against the IoU\n\n" + table.text
    }

    private var uncertaintyTable: String {
        guard let uncertainty else { return "" }
        var table = MarkdownTable([
            "prompt", "objects", "level for \(AreaLevels.coverage.fixed(2))",
            "labels in the model's interval", "median width / label's area",
        ])
        for row in uncertainty {
            table.add([
                row.prompt.title, "\(row.count)", row.level.fixed(4),
                row.covered?.fixed(3) ?? "no level stated", row.medianWidth?.fixed(3) ?? "",
            ])
        }
        return """
            ## Intervals of areas

            Each prompt is decoded \(MaskUncertainty.promptCount) times, moved a little. The interval \
            of a level reaches from the pixels that are inside with a probability of 1 - level to \
            those with level.

            \(table.text)
            """
    }

    private var interactionTable: String {
        guard let interaction, let first = interaction.first else { return "" }
        let good = InteractionRow.goodDice
        var table = MarkdownTable([
            "dataset", "objects", "clicks to Dice \(good)", "objects with Dice \(good)",
            "foreground points obeyed", "background points obeyed",
        ])
        func percent(_ share: Double?) -> String { share.map { (100 * $0).fixed(1) + " %" } ?? "" }
        for row in interaction {
            table.add([
                ScoreGroup(dataset: row.dataset, label: row.label).title, "\(row.count)",
                row.clicksToGood.fixed(2), percent(row.good), percent(row.obeyedPoints),
                percent(row.obeyedBackgroundPoints),
            ])
        }
        return """
            ## Corrections

            A click in the middle of the object, then clicks in the middle of the largest error, at \
            most \(first.mostClicks) in all; an object that never reaches Dice \(good) counts \
            \(first.mostClicks).

            \(table.text)
            """
    }

    private var speedText: String {
        guard let speed else { return "" }
        return """
            ## Speed

            \(speed.framesPerSecond.fixed(2)) images per second after warm-up, each with one mask: \
            \((1000 * speed.encodeSeconds).fixed(1)) ms to encode an image and \
            \((1000 * speed.maskSeconds).fixed(1)) ms for a mask (medians of \(counted(speed.images, "image")), \
            \(counted(speed.masks, "mask"))). Machine: \(machine).
            """
    }

    private var notes: String {
        let tolerance = options.tolerance
        return """
            ## How to read this

            - *Prompted*: whether the prompt was made from the label, which makes results look better. \
            Compare only results with the same prompt.
            - Empty masks: both empty gives Dice, IoU and surface Dice 1 and distances 0; one empty \
            gives 0 and the image diagonal. No case is left out.
            - Intervals: 95 % percentile bootstrap of the mean, seed \(options.seed); cases of one \
            patient are drawn together.
            - HD and HD95 are between contours. Surface Dice: within \(tolerance.millimetres) mm, or \
            \(tolerance.pixels) px where the spacing is unknown. mm and px are never mixed.
            - `samus_hd` is the HD of the SAMUS paper: between the rows of the masks. Compare it \
            with nothing else.
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

extension SummaryStatistics {
    fileprivate func text(of metric: MaskMetric) -> String {
        let isShare = metric.unit == .share
        let (factor, digits) = isShare ? (100.0, 1) : (1.0, 2)
        return "\((factor * mean).fixed(digits)) ± \((factor * standardDeviation).fixed(digits))"
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension Double {
    /// The number with a fixed number of decimals.
    package func fixed(_ digits: Int) -> String { String(format: "%.\(digits)f", self) }
}

extension EvaluationReport {
    /// `per_case.csv`: one line for each mask.
    public var caseTable: String {
        let metrics = MaskMetric.allCases.map(\.rawValue)
        let header =
            [
                "dataset", "name", "class", "patient", "prompt", "prompted", "click", "points",
                "background_points", "box", "label_px", "mask_px", "detection", "spacing_x_mm",
                "spacing_y_mm", "length_unit",
            ] + metrics + [
                "iou_estimate", "encode_seconds", "prompt_seconds", "area_low", "area_high",
            ]
        return ([header] + cases.map(\.fields)).map(CSV.line).joined(separator: "\n") + "\n"
    }
}

extension EvaluatedCase {
    fileprivate var fields: [String] {
        let promptFields: [String] = [
            prompt?.description ?? "predictions", prompt.promptedWord, "\(click)", points.text,
            backgroundPoints.text, box.map { [$0].text } ?? "",
        ]
        let spacingFields: [String] = [
            spacing.map { "\($0.x)" } ?? "", spacing.map { "\($0.y)" } ?? "", unit.rawValue,
        ]
        let areas: [String] = ["\(labelArea)", "\(maskArea)", detection.rawValue]
        let metrics: [String] = MaskMetric.allCases.map { metric in
            self[metric].map { "\($0)" } ?? ""
        }
        let times: [String] = [
            iouEstimate.map { "\($0)" } ?? "", encodeSeconds.fixed(6), promptSeconds.fixed(6),
            areaInterval.map { "\($0[0])" } ?? "", areaInterval.map { "\($0[1])" } ?? "",
        ]
        return [dataset, name, "\(label)", patient ?? ""] + promptFields + areas + spacingFields
            + metrics + times
    }
}

extension [[Double]] {
    /// Points and boxes as on the command line, separated by spaces.
    fileprivate var text: String {
        map { $0.map { Int(exactly: $0).map(String.init) ?? "\($0)" }.joined(separator: ",") }
            .joined(separator: " ")
    }
}
