import Foundation

/// Corrections of p-values for several tests.
public enum MultipleTests {
    /// Holm's step-down correction (Holm 1979), which keeps the family-wise error rate.
    ///
    /// The i-th smallest of m p-values is multiplied by m - i + 1; the results never decrease and are
    /// at most 1.
    ///
    /// - Parameter pValues: the p-values of one family of tests.
    /// - Returns: corrected p-values in the order of `pValues`.
    public static func holm(_ pValues: [Double]) -> [Double] {
        let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
        var corrected = pValues
        var largest = 0.0
        for (place, index) in order.enumerated() {
            largest = max(largest, min(1, Double(pValues.count - place) * pValues[index]))
            corrected[index] = largest
        }
        return corrected
    }
}

/// Ranks of several systems over blocks, Friedman's test, and the critical difference of Nemenyi's
/// post-hoc test (Demšar 2006, "Statistical comparisons of classifiers over multiple data sets").
public struct RankComparison: Hashable, Codable, Sendable {
    /// Number of blocks, for example tasks.
    public var blocks: Int
    /// Mean rank of each system; 1 is the best.
    public var meanRanks: [Double]
    /// Friedman's statistic with correction for ties; nil for fewer than three systems, and where
    /// all values of each block are equal.
    public var statistic: Double?
    /// The probability of a statistic at least as large if all systems are equal, by the chi-squared
    /// distribution.
    public var pValue: Double?
    /// The difference of mean ranks above which two systems differ significantly.
    public var criticalDifference: Double

    /// - Parameters:
    ///   - values: for each block one value for each system.
    ///   - moreIsBetter: whether the largest value has rank 1.
    ///   - significance: the significance level of the critical difference.
    /// - Throws: ``MetricsError`` when there are no blocks, rows have different lengths or a value
    ///   is not finite.
    public init(
        _ values: [[Double]], moreIsBetter: Bool, significance: Double = 0.05
    ) throws(MetricsError) {
        guard let first = values.first else { throw .noCases }
        for row in values { try row.checkPairs(with: first) }
        let (systems, blocks) = (first.count, values.count)
        var sums = [Double](repeating: 0, count: systems)
        var ties = 0.0
        for row in values {
            let (ranks, tieSizes) = (moreIsBetter ? row.map { -$0 } : row).ranks()
            for (system, rank) in ranks.enumerated() { sums[system] += rank }
            ties += tieSizes.reduce(0) { $0 + Double($1 * ($1 * $1 - 1)) }
        }
        self.blocks = blocks
        meanRanks = sums.map { $0 / Double(blocks) }
        let (k, n) = (Double(systems), Double(blocks))
        let correction = 1 - ties / (k * (k * k - 1) * n)
        if systems > 2, correction > 0 {
            let squares = sums.reduce(0) { $0 + $1 * $1 }
            let value = (12 / (k * n * (k + 1)) * squares - 3 * n * (k + 1)) / correction
            statistic = value
            pValue = Self.chiSquaredTail(value, freedom: systems - 1)
        }
        criticalDifference =
            systems < 2
            ? 0
            : StudentizedRange.quantile(1 - significance, groups: systems) / 2.0.squareRoot()
                * (k * (k + 1) / (6 * n)).squareRoot()
    }

    /// The probability of at least `value` in the chi-squared distribution.
    ///
    /// The closed form for whole degrees of freedom (Abramowitz and Stegun 26.4.4, 26.4.5).
    static func chiSquaredTail(_ value: Double, freedom: Int) -> Double {
        let half = max(value, 0) / 2
        let isEven = freedom % 2 == 0
        var term = isEven ? exp(-half) : exp(-half) * (4 * half / .pi).squareRoot()
        var sum = isEven ? 0 : erfc(half.squareRoot())
        for step in 0..<(freedom / 2) {
            sum += term
            term *= half / (Double(step) + (isEven ? 1 : 1.5))
        }
        return min(sum, 1)
    }
}

/// The studentized range of groups with a known variance: infinite degrees of freedom.
public enum StudentizedRange {
    /// The probability that the range of `groups` standard normal numbers is at most `range`:
    /// `k ∫ φ(z) (Φ(z) - Φ(z - range))^(k - 1) dz`.
    ///
    /// - Parameters:
    ///   - range: the range, at least 0.
    ///   - groups: number of normal numbers, at least 2.
    /// - Returns: 0...1.
    public static func probability(_ range: Double, groups: Int) -> Double {
        guard range > 0 else { return 0 }
        // Simpson's rule; the integrand is below 1e-17 outside these limits.
        let (low, high, steps) = (-8.5, 8.5 + range, 2000)
        let width = (high - low) / Double(steps)
        var sum = 0.0
        for step in 0...steps {
            let z = low + Double(step) * width
            let density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
            let value = density * pow(normal(z) - normal(z - range), Double(groups - 1))
            sum += value * (step == 0 || step == steps ? 1 : step % 2 == 1 ? 4 : 2)
        }
        return min(Double(groups) * sum * width / 3, 1)
    }

    /// The range that is exceeded with the probability 1 - `probability`.
    ///
    /// - Parameters:
    ///   - probability: above 0 and below 1.
    ///   - groups: number of normal numbers, at least 2.
    /// - Returns: the quantile.
    public static func quantile(_ probability: Double, groups: Int) -> Double {
        precondition(groups >= 2 && probability > 0 && probability < 1, "a quantile of two or more")
        var (low, high) = (0.0, 20.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if self.probability(middle, groups: groups) < probability {
                low = middle
            } else {
                high = middle
            }
        }
        return (low + high) / 2
    }

    private static func normal(_ z: Double) -> Double { erfc(-z / 2.0.squareRoot()) / 2 }
}
