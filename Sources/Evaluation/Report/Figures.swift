import Ultrasound

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
    /// Resamples of the bootstrap.
    static let resamples = 2000

    /// - Parameters:
    ///   - values: finite numbers; nil comes back where there are none.
    ///   - seed: of the bootstrap.
    public init?(_ values: [Double], seed: UInt64) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = count > 1 ? (squares / Double(count - 1)).squareRoot() : 0
        let sorted = values.sorted()
        median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
        (low, high) = bootstrapInterval(of: values, resamples: Self.resamples, seed: seed)
    }
}

/// The 95 % percentile bootstrap interval of a mean.
///
/// - Parameters:
///   - values: at least one.
///   - resamples: how many means are drawn.
///   - seed: of the draws.
/// - Returns: the 2.5th and 97.5th percentile of the means, linearly between order statistics.
func bootstrapInterval(of values: [Double], resamples: Int, seed: UInt64) -> (Double, Double) {
    guard values.count > 1 else { return (values[0], values[0]) }
    var random = SampleRandom(seed: seed, values.count)
    let means = values.withUnsafeBufferPointer { values in
        (0..<resamples).map { _ in
            var sum = 0.0
            for _ in 0..<values.count { sum += values[random.below(values.count)] }
            return sum / Double(values.count)
        }
    }.sorted()
    func percentile(_ share: Double) -> Double {
        let place = share * Double(means.count - 1)
        let below = Int(place)
        let above = min(below + 1, means.count - 1)
        return means[below] + (place - Double(below)) * (means[above] - means[below])
    }
    return (percentile(0.025), percentile(0.975))
}
