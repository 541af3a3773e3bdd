/// A figure over cases: its middle and its spread.
public struct Summary: Hashable, Codable, Sendable {
    /// Number of cases.
    public var count: Int
    /// Arithmetic mean.
    public var mean: Double
    /// Sample standard deviation, n - 1 below; 0 for one case.
    public var deviation: Double
    /// Median.
    public var median: Double
    /// Lowest value.
    public var minimum: Double
    /// Highest value.
    public var maximum: Double
    /// Lower quartile.
    public var lowerQuartile: Double
    /// Upper quartile.
    public var upperQuartile: Double

    private enum CodingKeys: String, CodingKey {
        case count, mean
        case deviation = "sd"
        case median
        case minimum = "min"
        case maximum = "max"
        case lowerQuartile = "q25"
        case upperQuartile = "q75"
    }

    /// - Parameter values: one figure a case.
    /// - Throws: ``MetricsError/noCases``, or ``MetricsError/notFinite(index:)``.
    public init(_ values: [Double]) throws(MetricsError) {
        try values.checkCases()
        let sorted = values.sorted()
        count = values.count
        mean = values.mean
        deviation = values.sampleDeviation
        median = sorted.sortedQuantile(0.5)
        minimum = sorted.sortedQuantile(0)
        maximum = sorted.sortedQuantile(1)
        lowerQuartile = sorted.sortedQuantile(0.25)
        upperQuartile = sorted.sortedQuantile(0.75)
    }
}

extension [Double] {
    /// Standard deviation with n - 1 below; 0 for one number.
    var sampleDeviation: Double {
        guard count > 1 else { return 0 }
        let centre = mean
        let squares = reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
        return (squares / Double(count - 1)).squareRoot()
    }

    /// There must be numbers, all finite.
    func checkCases() throws(MetricsError) {
        guard !isEmpty else { throw .noCases }
        if let index = firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: index) }
    }

    /// The numbers must be pairs with `other`, all finite.
    func checkPairs(with other: [Double]) throws(MetricsError) {
        guard count == other.count else {
            throw .countsDiffer(first: count, second: other.count)
        }
        try checkCases()
        try other.checkCases()
    }
}
