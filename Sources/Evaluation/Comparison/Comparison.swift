import Foundation
import Imaging
import Metrics
import Ultrasound

/// Two reports on the same data, case by case.
public struct Comparison: Codable, Equatable, Sendable {
    /// One of both reports.
    public struct Side: Codable, Equatable, Sendable {
        /// What made the masks.
        public var source: SourceRecord
        /// Program that evaluated, and when.
        public var program: String
        /// When.
        public var date: Date
    }

    /// "research use only, not a medical device".
    public var notice = ResearchNotice.text
    /// What the differences are taken from.
    public var first: Side
    /// What is compared with it.
    public var second: Side
    /// What is compared.
    public var metric: MaskMetric
    /// The data of both.
    public var data: EvaluationReport.Data
    /// The grid of both.
    public var resolution: EvaluationResolution
    /// Of the bootstrap.
    public var seed: UInt64
    /// Each prompt, set and class.
    public var rows: [ComparisonRow]
    /// Pairs by prompt.
    public var pairs: [Pairs]
    /// Samples that only one report has, as when a mask of the other was missing.
    public var unpaired: [String]

    /// The paired cases of one prompt.
    public struct Pairs: Codable, Equatable, Sendable {
        /// How masks were asked for.
        public var variant: Variant
        /// Cases in order.
        public var cases: [Pair]
    }

    /// One case in both reports.
    public struct Pair: Codable, Equatable, Sendable {
        /// The sample.
        public var id: String
        /// Its data set.
        public var dataset: String
        /// Value in the first report.
        public var first: Double
        /// Value in the second report.
        public var second: Double
    }

    /// Pairs the cases of two reports by sample and prompt.
    ///
    /// - Parameters:
    ///   - first: what the differences are taken from.
    ///   - second: what is compared with it.
    ///   - metric: what is compared.
    ///   - prompts: only these, which both must have; all of both when nil, which must be the same.
    ///   - seed: of the bootstrap.
    /// - Throws: ``EvaluationError/notComparable(_:)`` when data, grid or prompts differ.
    public init(
        _ first: EvaluationReport, _ second: EvaluationReport, metric: MaskMetric = .dice,
        prompts: [LabelPrompt]? = nil, seed: UInt64 = 0
    ) throws(EvaluationError) {
        try Self.checkData(first, second)
        let common = try Self.commonPrompts(first, second, only: prompts)
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
        for variant in common.flatMap(Variant.all) {
            let left = Score.all(of: first.cases, as: variant)
            let right = Dictionary(
                Score.all(of: second.cases, as: variant).map { ($0.id, $0) }
            ) { one, _ in one }
            let both = left.compactMap { one in right[one.id].map { (one, $0) } }
            alone.formUnion(Set(left.map(\.id)).symmetricDifference(right.keys))
            rows += groups.flatMap { Self.rows(variant, $0, metric, both, seed) }
            pairs.append(Pairs(variant: variant, cases: both.compactMap { Pair($0, $1, metric) }))
        }
        unpaired = alone.sorted()
        guard pairs.contains(where: { !$0.cases.isEmpty }) else {
            throw .notComparable("they have no case in common")
        }
    }

    private static func rows(
        _ variant: Variant, _ group: ScoreGroup, _ metric: MaskMetric, _ both: [(Score, Score)],
        _ seed: UInt64
    ) -> [ComparisonRow] {
        let units: [LengthUnit?] = metric.dependsOnUnit ? LengthUnit.allCases : [nil]
        return units.compactMap { unit in
            let pairs = both.filter {
                group.contains($0.0) && (unit == nil || $0.0.unit == unit)
            }.compactMap { one, other in
                one.values[metric].flatMap { value in other.values[metric].map { (value, $0) } }
            }
            return ComparisonRow(variant, group: group, unit: unit, pairs: pairs, seed: seed)
        }
    }

    private static func checkData(
        _ first: EvaluationReport, _ second: EvaluationReport
    ) throws(EvaluationError) {
        guard first.options.resolution == second.options.resolution else {
            throw .notComparable(
                "one is on the grid '\(first.options.resolution.rawValue)', the other on "
                    + "'\(second.options.resolution.rawValue)'")
        }
        guard first.data.hash == second.data.hash else {
            func words(_ report: EvaluationReport) -> String {
                let state = report.isComplete ? "" : ", interrupted"
                return "'\(report.data.split)', \(report.data.pictures) pictures\(state), SHA-256 "
                    + "\(report.data.hash.prefix(12))…"
            }
            throw .notComparable(
                "their data differ: \(words(first)) and \(words(second))")
        }
    }

    private static func commonPrompts(
        _ first: EvaluationReport, _ second: EvaluationReport, only: [LabelPrompt]?
    ) throws(EvaluationError) -> [LabelPrompt?] {
        let (one, other) = (first.cases.prompts, second.cases.prompts)
        let chosen = only ?? one.compactMap { $0 }
        func words(_ prompts: [LabelPrompt?]) -> String {
            prompts.map { $0?.description ?? "masks as given" }.joined(separator: ", ")
        }
        if let only {
            guard only.allSatisfy({ one.contains($0) && other.contains($0) }) else {
                throw .notComparable(
                    "not both have '\(words(only))': one has \(words(one)), the other "
                        + words(other))
            }
        } else if Set(one) != Set(other) {
            throw .notComparable(
                "their prompts differ: \(words(one)) and \(words(other)); name those of both "
                    + "with --prompt")
        }
        let isRandom = chosen.contains { $0.count > 1 }
        guard !isRandom || first.options.seed == second.options.seed else {
            throw .notComparable(
                "their random clicks differ: the seeds are \(first.options.seed) and "
                    + "\(second.options.seed)")
        }
        return only.map { $0.map { $0 } } ?? one
    }
}

extension Comparison.Pair {
    fileprivate init?(_ one: Score, _ other: Score, _ metric: MaskMetric) {
        guard let first = one.values[metric], let second = other.values[metric] else { return nil }
        self.init(id: one.id, dataset: one.dataset, first: first, second: second)
    }
}
