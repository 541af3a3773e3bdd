import Metrics

/// A metric of two reports over a group of paired cases.
public struct ComparisonRow: Codable, Equatable, Sendable {
    /// How masks were asked for, in both.
    public var variant: Variant
    /// Whether the label told the models where the object is; nil where that is not known.
    public var isPrompted: Bool?
    /// The data set; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// In what the metric is, where that matters.
    public var unit: LengthUnit?
    /// Pairs.
    public var count: Int
    /// Mean of the first report.
    public var first: Double
    /// Mean of the second report.
    public var second: Double
    /// Second minus first, with the paired bootstrap's interval of its mean.
    public var difference: Figures
    /// Pairs in which the second is larger.
    public var larger: Int
    /// Pairs in which the second is smaller.
    public var smaller: Int
    /// Wilcoxon's signed-rank test of the differences, with its effect size.
    public var test: Wilcoxon
    /// Mean difference over the differences' standard deviation, Cohen's d of pairs; nil where the
    /// differences do not vary.
    public var standardizedDifference: Double?

    /// - Parameters:
    ///   - variant: how masks were asked for.
    ///   - group: set and class.
    ///   - unit: in what the metric is.
    ///   - pairs: of the first and the second report; nil comes back where there are none.
    ///   - clusters: one name a pair, of what the bootstrap draws together.
    ///   - seed: of the bootstrap.
    init?(
        _ variant: Variant, group: ScoreGroup, unit: LengthUnit?, pairs: [(Double, Double)],
        clusters: [String], seed: UInt64
    ) {
        let differences = pairs.map { $0.1 - $0.0 }
        guard let figures = Figures(differences, clusters: clusters, seed: seed) else { return nil }
        self.variant = variant
        isPrompted = variant.prompt?.isPrompted
        (dataset, label, self.unit) = (group.dataset, group.label, unit)
        count = pairs.count
        first = pairs.reduce(0) { $0 + $1.0 } / Double(pairs.count)
        second = pairs.reduce(0) { $0 + $1.1 } / Double(pairs.count)
        difference = figures
        larger = differences.count { $0 > 0 }
        smaller = differences.count { $0 < 0 }
        test = ofFinite { () throws(MetricsError) in
            try Wilcoxon(pairs.map(\.1), pairs.map(\.0))
        }
        standardizedDifference = figures.deviation > 0 ? figures.mean / figures.deviation : nil
    }

    var group: ScoreGroup { ScoreGroup(dataset: dataset, label: label) }
}
