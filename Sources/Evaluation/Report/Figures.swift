import Metrics

/// What there is to say about a list of numbers.
public struct Figures: Codable, Equatable, Sendable {
    /// How many.
    public var count: Int
    /// Their mean.
    public var mean: Double
    /// Standard deviation, divided by one less than their number; 0 for a single one.
    public var deviation: Double
    /// Their median.
    public var median: Double
    /// Lower end of the 95 % percentile bootstrap interval of the mean.
    public var low: Double
    /// Its upper end.
    public var high: Double
}

extension Figures {
    /// - Parameters:
    ///   - values: finite numbers; nil comes back where there are none.
    ///   - clusters: one name a value: the bootstrap draws values of one name together. Nil draws
    ///     each by itself.
    ///   - seed: of the bootstrap.
    public init?(_ values: [Double], clusters: [String]? = nil, seed: UInt64) {
        guard !values.isEmpty else { return nil }
        let (summary, interval) = ofFinite { () throws(MetricsError) in
            (try Summary(values), try Bootstrap(seed: seed).mean(of: values, clusters: clusters))
        }
        self.init(
            count: summary.count, mean: summary.mean, deviation: summary.deviation,
            median: summary.median, low: interval.low, high: interval.high)
    }
}

/// Statistics of values that are there and finite, as every metric of masks is.
func ofFinite<Result>(_ statistics: () throws(MetricsError) -> Result) -> Result {
    do throws(MetricsError) {
        return try statistics()
    } catch {
        preconditionFailure("figures of cases: \(error)")
    }
}
