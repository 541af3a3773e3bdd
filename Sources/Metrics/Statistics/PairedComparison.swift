/// Two programs on the same cases: who is better, by how much, and how sure that is.
public struct PairedComparison: Hashable, Codable, Sendable {
    /// Number of cases.
    public var count: Int
    /// Mean of `first - second`.
    public var meanDifference: Double
    /// Bootstrap interval of that mean.
    public var interval: Interval
    /// Median of `first - second`.
    public var medianDifference: Double
    /// Cases in which `first` is larger.
    public var firstLarger: Int
    /// Cases in which `second` is larger.
    public var secondLarger: Int
    /// Signed-rank test.
    public var wilcoxon: Wilcoxon
    /// Matched-pairs rank-biserial correlation, -1...1: the share of rank sums for minus against.
    public var rankBiserial: Double
    /// Cohen's d of pairs: mean over standard deviation of the differences; nil without a spread.
    public var cohensDz: Double?

    private enum CodingKeys: String, CodingKey {
        case count
        case meanDifference = "mean_difference"
        case interval
        case medianDifference = "median_difference"
        case firstLarger = "first_larger"
        case secondLarger = "second_larger"
        case wilcoxon
        case rankBiserial = "rank_biserial"
        case cohensDz = "cohens_dz"
    }

    /// - Parameters:
    ///   - first: one figure a case.
    ///   - second: the same cases' figures of the other program.
    ///   - clusters: one name a case, as the patient, for the bootstrap; nil for none.
    ///   - bootstrap: rounds, seed and confidence.
    /// - Throws: ``MetricsError`` when there are no pairs, or a value is not finite.
    public init(
        _ first: [Double], _ second: [Double], clusters: [String]? = nil,
        bootstrap: Bootstrap = Bootstrap()
    ) throws(MetricsError) {
        wilcoxon = try Wilcoxon(first, second)
        interval = try bootstrap.meanDifference(first, second, clusters: clusters)
        let differences = zip(first, second).map(-)
        count = differences.count
        meanDifference = differences.mean
        medianDifference = differences.quantile(0.5)
        firstLarger = differences.count { $0 > 0 }
        secondLarger = differences.count { $0 < 0 }
        rankBiserial = wilcoxon.rankBiserial
        let deviation = differences.sampleDeviation
        cohensDz = deviation > 0 ? meanDifference / deviation : nil
    }
}
