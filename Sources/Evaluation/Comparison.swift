import Datasets
import FileIO
import Foundation
import Imaging
import MaskMetrics

/// Two reports on the same data, case by case.
public struct Comparison: Codable, Equatable, Sendable {
    /// One of the two reports.
    public struct Side: Codable, Equatable, Sendable {
        /// The source of the masks.
        public var source: SourceRecord
        /// Program and version of the evaluation.
        public var program: String
        /// Date of the evaluation.
        public var date: Date
    }

    /// Version of this format.
    public var formatVersion: Int? = 2
    /// "research use only, not a medical device".
    public var notice = ResearchNotice.text
    /// Report A, the reference of the differences.
    public var first: Side
    /// Report B.
    public var second: Side
    /// The compared metric.
    public var metric: MaskMetric
    /// The data of both.
    public var data: EvaluationReport.Data
    /// The resolution of both.
    public var resolution: EvaluationResolution
    /// Seed of the bootstrap.
    public var seed: UInt64
    /// Statistics of each prompt, dataset and class.
    public var rows: [ComparisonRow]
    /// Pairs by prompt.
    public var pairs: [Pairs]
    /// Samples that only one report has.
    public var unpaired: [String]
    /// Whether only one side had prompts made from the labels.
    public var isOnePromptFree: Bool

    /// The paired cases of one prompt.
    public struct Pairs: Codable, Equatable, Sendable {
        /// The prompt and the reduction.
        public var variant: Variant
        /// The unit, where it matters.
        public var unit: LengthUnit?
        /// Cases in order.
        public var cases: [Pair]
    }

    /// One case in both reports.
    public struct Pair: Codable, Equatable, Sendable {
        /// The sample.
        public var id: String
        /// Its dataset.
        public var dataset: String
        /// Value in the first report.
        public var first: Double
        /// Value in the second report.
        public var second: Double
    }

    /// Pairs the cases of two reports by sample and prompt.
    ///
    /// - Parameters:
    ///   - first: report A, the reference of the differences.
    ///   - second: report B.
    ///   - metric: the compared metric.
    ///   - prompts: only these prompts, which both must have; when nil, both must have the same
    ///     prompts. Masks made without a prompt are compared with those of every prompt.
    ///   - seed: seed of the bootstrap.
    /// - Throws: ``EvaluationError/notComparable(_:)`` when data, grid, prompts or units differ.
    public init(
        _ first: EvaluationReport, _ second: EvaluationReport, metric: MaskMetric = .dice,
        prompts: [PromptStrategy]? = nil, seed: UInt64 = 0
    ) throws(EvaluationError) {
        try Self.checkData(first, second)
        let common = try PairedVariant.all(of: first, second, only: prompts)
        if metric == .surfaceDice, first.options.tolerance != second.options.tolerance {
            throw .notComparable("their tolerances for surface Dice differ")
        }
        self.first = Side(source: first.source, program: first.program, date: first.date)
        self.second = Side(source: second.source, program: second.program, date: second.date)
        self.metric = metric
        data = first.data
        resolution = first.options.resolution
        self.seed = seed
        rows = []
        pairs = []
        var alone: Set<String> = []
        let groups = first.cases.groups
        for variant in common {
            let left = Score.all(of: first.cases, as: variant.first)
            let right = Dictionary(
                Score.all(of: second.cases, as: variant.second).map { ($0.id, $0) }
            ) { one, _ in one }
            let both = left.compactMap { one in right[one.id].map { (one, $0) } }
            try Self.check(both, metric)
            alone.formUnion(Set(left.map(\.id)).symmetricDifference(right.keys))
            let units: [LengthUnit?] = metric.dependsOnUnit ? LengthUnit.allCases : [nil]
            for unit in units {
                let measured = both.filter { unit == nil || $0.0.unit == unit }
                let cases = measured.compactMap { Pair($0, $1, metric) }
                guard !cases.isEmpty else { continue }
                pairs.append(Pairs(variant: variant.shown, unit: unit, cases: cases))
            }
            rows += groups.flatMap { group in
                units.compactMap { Self.row(variant.shown, group, $0, metric, both, seed) }
            }
        }
        isOnePromptFree = common.contains { $0.first != $0.second }
        unpaired = alone.sorted()
        guard !pairs.isEmpty else {
            throw .notComparable("they have no case in common")
        }
    }

    private static func row(
        _ variant: Variant, _ group: ScoreGroup, _ unit: LengthUnit?, _ metric: MaskMetric,
        _ both: [(Score, Score)], _ seed: UInt64
    ) -> ComparisonRow? {
        let pairs = both.filter {
            group.contains($0.0) && (unit == nil || $0.0.unit == unit)
        }.compactMap { one, other in
            Pair(one, other, metric).map { ($0.first, $0.second, one.cluster) }
        }
        return ComparisonRow(
            variant, group: group, unit: unit, pairs: pairs.map { ($0.0, $0.1) },
            clusters: pairs.map(\.2), seed: seed)
    }

    /// Refuses lengths with different spacings, and impossible values.
    private static func check(
        _ both: [(Score, Score)], _ metric: MaskMetric
    ) throws(EvaluationError) {
        for (one, other) in both {
            if metric.dependsOnUnit, one.unit != other.unit || one.spacing != other.spacing {
                throw .notComparable(
                    "the mm per pixel of \(one.id) changed between them: evaluate both again")
            }
            for value in [one, other].compactMap({ $0.values[metric] })
            where !(abs(value) < 1e100) {
                throw .notComparable("\(one.id) has the impossible value \(value)")
            }
        }
    }

    private static func checkData(
        _ first: EvaluationReport, _ second: EvaluationReport
    ) throws(EvaluationError) {
        guard first.options.resolution == second.options.resolution else {
            throw .notComparable(
                "one has the resolution '\(first.options.resolution.rawValue)', the other on "
                    + "'\(second.options.resolution.rawValue)'")
        }
        guard first.data.hash == second.data.hash else {
            func words(_ report: EvaluationReport) -> String {
                let state = report.isComplete ? "" : ", interrupted"
                return
                    "'\(report.data.split)', \(counted(report.data.images, "image"))\(state), SHA-256 "
                    + "\(report.data.hash.prefix(12))…"
            }
            throw .notComparable(
                "their data differ: \(words(first)) and \(words(second))")
        }
    }
}

extension Comparison.Pair {
    fileprivate init?(_ one: Score, _ other: Score, _ metric: MaskMetric) {
        guard let first = one.values[metric], let second = other.values[metric] else { return nil }
        self.init(id: one.id, dataset: one.dataset, first: first, second: second)
    }
}

/// A metric of two reports over a group of paired cases.
public struct ComparisonRow: Codable, Equatable, Sendable {
    /// The prompt and the reduction of both.
    public var variant: Variant
    /// Whether prompts were made from the label; nil where unknown.
    public var isPrompted: Bool?
    /// The dataset; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// The unit, where it matters.
    public var unit: LengthUnit?
    /// Number of pairs.
    public var count: Int
    /// Mean of the first report.
    public var first: Double
    /// Mean of the second report.
    public var second: Double
    /// Second minus first, with the paired bootstrap interval of the mean.
    public var difference: SummaryStatistics
    /// Number of pairs in which the second is larger.
    public var larger: Int
    /// Number of pairs in which the second is smaller.
    public var smaller: Int
    /// Wilcoxon's signed-rank test of the differences.
    public var test: Wilcoxon
    /// Cohen's d of pairs: mean difference over standard deviation; nil where differences are equal.
    public var standardizedDifference: Double?

    /// - Parameters:
    ///   - variant: the prompt and the reduction.
    ///   - group: dataset and class.
    ///   - unit: unit of the metric.
    ///   - pairs: values of the first and the second report; the result is nil where there are none.
    ///   - clusters: one name for each pair; the bootstrap draws pairs of one name together.
    ///   - seed: seed of the bootstrap.
    init?(
        _ variant: Variant, group: ScoreGroup, unit: LengthUnit?, pairs: [(Double, Double)],
        clusters: [String], seed: UInt64
    ) {
        let differences = pairs.map { $0.1 - $0.0 }
        guard
            let statistics = SummaryStatistics(differences, clusters: clusters, seed: seed)
        else { return nil }
        self.variant = variant
        isPrompted = variant.prompt?.usesLabel
        (dataset, label, self.unit) = (group.dataset, group.label, unit)
        count = pairs.count
        first = pairs.reduce(0) { $0 + $1.0 } / Double(pairs.count)
        second = pairs.reduce(0) { $0 + $1.1 } / Double(pairs.count)
        difference = statistics
        larger = differences.count { $0 > 0 }
        smaller = differences.count { $0 < 0 }
        test = finiteStatistics { () throws(MetricsError) in
            try Wilcoxon(pairs.map(\.1), pairs.map(\.0))
        }
        standardizedDifference =
            statistics.standardDeviation > 0
            ? statistics.mean / statistics.standardDeviation : nil
    }

    var group: ScoreGroup { ScoreGroup(dataset: dataset, label: label) }
}

/// A variant of one report and the variant of the other that it is compared with.
struct PairedVariant: Equatable {
    let first: Variant
    let second: Variant

    /// The variant with a prompt, for tables.
    var shown: Variant { first.isPrompted || !second.isPrompted ? first : second }

    /// The pairs of two reports: equal prompts, or all prompts of one report with the masks that the
    /// other made without a prompt.
    ///
    /// - Parameters:
    ///   - first: report A.
    ///   - second: report B.
    ///   - only: only these prompts; all when nil.
    /// - Returns: at least one pair.
    /// - Throws: ``EvaluationError/notComparable(_:)`` when prompts or random clicks differ.
    static func all(
        of first: EvaluationReport, _ second: EvaluationReport, only: [PromptStrategy]?
    ) throws(EvaluationError) -> [PairedVariant] {
        let (one, other) = (first.cases.prompts, second.cases.prompts)
        let (alone, otherAlone) = (promptFree(one), promptFree(other))
        if let alone, otherAlone == nil {
            return try variants(other, only).map { PairedVariant(first: alone, second: $0) }
        }
        if let otherAlone, alone == nil {
            return try variants(one, only).map { PairedVariant(first: $0, second: otherAlone) }
        }
        if let alone, let otherAlone, only == nil {
            return [PairedVariant(first: alone, second: otherAlone)]
        }
        if only == nil, Set(one) != Set(other) {
            throw .notComparable(
                "their prompts differ: \(words(one)) and \(words(other)); select common ones "
                    + "with --prompt")
        }
        let chosen = try variants(one, only)
        _ = try variants(other, only)
        guard
            !chosen.contains(where: { ($0.prompt?.promptCount ?? 1) > 1 })
                || first.options.seed == second.options.seed
        else {
            throw .notComparable(
                "their random clicks differ: the seeds are \(first.options.seed) and "
                    + "\(second.options.seed)")
        }
        return chosen.map { PairedVariant(first: $0, second: $0) }
    }

    /// The variant of masks made without a prompt; nil where there were prompts.
    private static func promptFree(_ prompts: [PromptStrategy?]) -> Variant? {
        guard prompts.count == 1, let prompt = prompts.first, prompt?.usesLabel != true else {
            return nil
        }
        return Variant(prompt: prompt, reduction: .single)
    }

    private static func variants(
        _ prompts: [PromptStrategy?], _ only: [PromptStrategy]?
    ) throws(EvaluationError) -> [Variant] {
        if let missing = only?.first(where: { !prompts.contains($0) }) {
            throw .notComparable("not both reports have '\(missing)': one has \(words(prompts))")
        }
        return (only.map { $0.map(Optional.some) } ?? prompts).flatMap(Variant.all)
    }

    private static func words(_ prompts: [PromptStrategy?]) -> String {
        prompts.map { $0?.description ?? "predictions" }.joined(separator: ", ")
    }
}

extension Variant {
    fileprivate var isPrompted: Bool { prompt?.usesLabel == true }
}
