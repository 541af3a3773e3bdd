/// Percentile bootstrap: how far a mean would move if other cases of the kind had been drawn.
public struct Bootstrap: Hashable, Codable, Sendable {
    /// How often cases are drawn anew.
    public var rounds: Int
    /// What fixes the draws.
    public var seed: UInt64
    /// Share of the draws between the interval's ends.
    public var confidence: Double

    /// - Parameters:
    ///   - rounds: how often cases are drawn anew, at least 1.
    ///   - seed: what fixes the draws: the same seed gives the same interval.
    ///   - confidence: share of the draws between the interval's ends, above 0 and below 1.
    public init(rounds: Int = 2000, seed: UInt64 = 0, confidence: Double = 0.95) {
        precondition(rounds > 0 && confidence > 0 && confidence < 1, "an interval holds a share")
        self.rounds = rounds
        self.seed = seed
        self.confidence = confidence
    }

    /// The interval of the mean.
    ///
    /// - Parameters:
    ///   - values: one figure a case.
    ///   - clusters: one name a case, as the patient: cases of one name are drawn together, since
    ///     they are not independent. Nil draws each case by itself.
    /// - Returns: the interval.
    /// - Throws: ``MetricsError`` when there are no cases, a value is not finite, or names and
    ///   values are not equally many.
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

    /// Sums of what is drawn together, in the order of first appearance.
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

/// From where to where a figure may lie.
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
