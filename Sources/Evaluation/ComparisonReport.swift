import Drawing
import FileIO
import Foundation
import Imaging
import MaskMetrics

extension Comparison {
    /// The comparison as Markdown, for a person.
    public var markdown: String {
        var parts = [heading, table]
        if !unpaired.isEmpty {
            parts.append(
                "**\(counted(unpaired.count, "case")) in one report only and not compared:** "
                    + unpaired.map(\.visibleLine).joined(separator: ", "))
        }
        return ((parts + [notes]).joined(separator: "\n\n") + "\n").visible
    }

    /// The comparison as the content of a JSON file.
    ///
    /// - Throws: `EncodingError` when a number is not finite.
    public func json() throws -> [UInt8] {
        try JSON.encode(self) + [UInt8(ascii: "\n")]
    }

    /// A scatter chart for each prompt: each case's value in report B over its value in report A.
    ///
    /// - Returns: an RGB image.
    public func plot() -> Image {
        let charts = pairs.map { pairs in
            let series = pairs.cases.map(\.dataset).uniqued.map { dataset in
                Chart.Series(
                    dataset,
                    pairs.cases.filter { $0.dataset == dataset }.map { .init($0.first, $0.second) },
                    style: .scatter)
            }
            return Chart(
                title: "\(metric.title), \(pairs.variant.title)"
                    + (pairs.unit.map { " (\($0.rawValue))" } ?? ""),
                xLabel: "A: \(first.source.name)", yLabel: "B: \(second.source.name)",
                series: series, comparesEqualAxes: true)
        }
        return Chart.sheet(
            charts, columns: min(charts.count, 2), panel: Size(height: 560, width: 640))
    }

    private var heading: String {
        func words(_ side: Side) -> String {
            let hash = side.source.model.map { ", SHA-256 `\($0.sha256)`" } ?? ""
            return "\(side.source.kind.rawValue) \(side.source.name.markdownCode)\(hash)"
        }
        let better =
            switch metric.moreIsBetter {
            case true?: "larger is better"
            case false?: "smaller is better"
            case nil: "nearer to 0 is better"
            }
        return """
            # \(metric.title) of two evaluations (\(better))

            **Research use only, not a medical device.**

            - A: \(words(first))
            - B: \(words(second))
            - data: \(data.split.markdownCode), \(counted(data.images, "image")), SHA-256 `\(data.hash)`; resolution \
            \(resolution.rawValue); bootstrap seed \(seed)
            """
    }

    private var table: String {
        var table = MarkdownTable([
            "dataset", "prompt", "prompted", "pairs", "A", "B", "B - A", "95 % interval",
            "median B - A",
            "B larger/equal/smaller", "Wilcoxon p", "rank-biserial", "d of pairs",
        ])
        for row in rows {
            let equal = row.count - row.larger - row.smaller
            let difference = row.difference
            let unit = row.unit.map { " \($0.rawValue)" } ?? ""
            table.add([
                row.group.title, row.variant.title, row.variant.prompt.promptedWord, "\(row.count)",
                row.first.fixed(4) + unit, row.second.fixed(4) + unit, difference.mean.signed,
                "\(difference.low.signed) to \(difference.high.signed)", difference.median.signed,
                "\(row.larger)/\(equal)/\(row.smaller)",
                String(format: "%.3g", row.test.pValue)
                    + (row.test.method == .exact ? " (exact)" : ""),
                row.test.rankBiserial.signed, row.standardizedDifference?.signed ?? "",
            ])
        }
        return table.text
    }

    private var notes: String {
        (isOnePromptFree
            ? "**Only one side had prompts made from the labels.**\n\n" : "")
                + """
                Intervals: 95 % paired percentile bootstrap of the mean difference; cases of one patient \
                are drawn together. Wilcoxon's signed-rank test is two-sided and leaves equal pairs out. \
                Its p-values are not corrected for the number of rows, and treat cases as independent, \
                which several cases of one patient are not. Rank-biserial correlation: -1 to 1, positive \
                where B is larger. d of pairs: mean over standard deviation of the differences.
                """
    }
}

extension Double {
    fileprivate var signed: String { String(format: "%+.4f", self) }
}
