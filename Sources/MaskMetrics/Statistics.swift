import FileIO

/// Mean, standard deviation and quantiles of values.
public struct Summary: Hashable, Codable, Sendable {
    /// Number of cases.
    public var count: Int
    /// Arithmetic mean.
    public var mean: Double
    /// Sample standard deviation (n - 1); 0 for one case.
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

    /// - Parameter values: one value for each case.
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
    /// Sample standard deviation (n - 1); 0 for one number.
    var sampleDeviation: Double {
        guard count > 1 else { return 0 }
        let centre = mean
        let squares = reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
        return (squares / Double(count - 1)).squareRoot()
    }

    /// Throws if the list is empty or a number is not finite.
    func checkCases() throws(MetricsError) {
        guard !isEmpty else { throw .noCases }
        if let index = firstIndex(where: { !$0.isFinite }) { throw .notFinite(index: index) }
    }

    /// Throws if the lists have different lengths, are empty, or a number is not finite.
    func checkPairs(with other: [Double]) throws(MetricsError) {
        guard count == other.count else {
            throw .countsDiffer(first: count, second: other.count)
        }
        try checkCases()
        try other.checkCases()
    }
}

/// Percentile bootstrap: a confidence interval of the mean.
public struct Bootstrap: Hashable, Codable, Sendable {
    /// Number of resamples.
    public var rounds: Int
    /// Seed of the random numbers.
    public var seed: UInt64
    /// Confidence level, for example 0.95.
    public var confidence: Double

    /// - Parameters:
    ///   - rounds: number of resamples, at least 1.
    ///   - seed: seed of the random numbers; the same seed gives the same interval.
    ///   - confidence: confidence level, above 0 and below 1.
    public init(rounds: Int = 2000, seed: UInt64 = 0, confidence: Double = 0.95) {
        precondition(
            rounds > 0 && confidence > 0 && confidence < 1,
            "rounds and confidence must be positive, confidence below 1")
        self.rounds = rounds
        self.seed = seed
        self.confidence = confidence
    }

    /// The interval of the mean.
    ///
    /// - Parameters:
    ///   - values: one value for each case.
    ///   - clusters: the cluster of each case, for example the patient; cases of a cluster are not
    ///     independent and are resampled together. Nil resamples single cases.
    /// - Returns: the interval.
    /// - Throws: ``MetricsError`` if there are no cases, a value is not finite, or the numbers of
    ///   clusters and values differ.
    public func mean(
        of values: [Double], clusters: [String]? = nil
    ) throws(MetricsError) -> Interval {
        try values.checkCases()
        let groups = try Self.groups(values, clusters)
        var random = SplitMix64(seed: seed)
        var means: [Double] = []
        means.reserveCapacity(rounds)
        for _ in 0..<rounds {
            var (sum, count) = (0.0, 0)
            for _ in groups.indices {
                let group = groups[random.next(below: groups.count)]
                sum += group.sum
                count += group.count
            }
            means.append(sum / Double(count))
        }
        means.sort()
        let tail = (1 - confidence) / 2
        return Interval(low: means.sortedQuantile(tail), high: means.sortedQuantile(1 - tail))
    }

    private struct Group {
        var sum = 0.0
        var count = 0
    }

    /// Sum and count of each cluster, in the order of their first cases.
    private static func groups(
        _ values: [Double], _ clusters: [String]?
    ) throws(MetricsError) -> [Group] {
        guard let clusters else { return values.map { Group(sum: $0, count: 1) } }
        guard clusters.count == values.count else {
            throw .countsDiffer(first: values.count, second: clusters.count)
        }
        var places: [String: Int] = [:]
        var groups: [Group] = []
        for (value, name) in zip(values, clusters) {
            let place = places[name] ?? groups.count
            if place == groups.count {
                places[name] = place
                groups.append(Group())
            }
            groups[place].sum += value
            groups[place].count += 1
        }
        return groups
    }
}

/// A confidence interval.
public struct Interval: Hashable, Codable, Sendable {
    /// Lower end.
    public var low: Double
    /// Upper end.
    public var high: Double

    /// - Parameters:
    ///   - low: lower end.
    ///   - high: upper end.
    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}

extension Collection<Double> {
    /// Arithmetic mean; NaN for an empty collection.
    var mean: Double { reduce(0, +) / Double(count) }

    /// A quantile with linear interpolation, as NumPy's default.
    func quantile(_ share: Double) -> Double { sorted().sortedQuantile(share) }
}

extension [Double] {
    /// A quantile of sorted numbers; the list must not be empty.
    func sortedQuantile(_ share: Double) -> Double {
        let place = Double(count - 1) * share
        let low = Int(place)
        let (a, b) = (self[low], self[Swift.min(low + 1, count - 1)])
        let t = place - Double(low)
        return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t)
    }
}
