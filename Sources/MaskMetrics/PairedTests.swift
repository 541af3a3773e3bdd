import Foundation

/// The two-sided Wilcoxon signed-rank test, as computed by SciPy 1.17.
///
/// Pairs without a difference are ignored. The p-value is exact for up to 13 pairs, and for up to 50
/// pairs if there are no ties and no zero differences. Otherwise it is computed from the normal
/// distribution with tie correction and without continuity correction.
public struct Wilcoxon: Hashable, Codable, Sendable {
    /// How the p-value was computed.
    public enum Method: String, Codable, Sendable {
        case exact, normal
    }

    /// Sum of the ranks of positive differences, where `first` is larger.
    public var positiveRanks: Double
    /// Sum of the ranks of negative differences.
    public var negativeRanks: Double
    /// Number of pairs without a difference.
    public var zeros: Int
    /// Probability of a difference at least as large under the null hypothesis.
    public var pValue: Double
    /// How `pValue` was computed.
    public var method: Method

    /// - Parameters:
    ///   - first: one value for each case.
    ///   - second: the other value for each case.
    /// - Throws: ``MetricsError`` if there are no pairs, or a value is not finite.
    public init(_ first: [Double], _ second: [Double]) throws(MetricsError) {
        try first.checkPairs(with: second)
        let differences = zip(first, second).map(-).filter { $0 != 0 }
        let (ranks, tieSizes) = differences.map(abs).ranks()
        positiveRanks = zip(ranks, differences).reduce(0) { $0 + ($1.1 > 0 ? $1.0 : 0) }
        negativeRanks = zip(ranks, differences).reduce(0) { $0 + ($1.1 < 0 ? $1.0 : 0) }
        zeros = first.count - differences.count
        let isUnequal = zeros == 0 && tieSizes.allSatisfy { $0 == 1 }
        if differences.isEmpty {
            method = .exact
            pValue = 1
        } else if first.count <= (isUnequal ? 50 : 13) {
            method = .exact
            pValue = Self.exact(ranks, min(positiveRanks, negativeRanks))
        } else {
            method = .normal
            pValue = Self.normal(tieSizes, positiveRanks, count: Double(differences.count))
        }
    }

    /// The smaller rank sum: SciPy's `statistic`.
    public var statistic: Double { min(positiveRanks, negativeRanks) }

    /// Matched-pairs rank-biserial correlation: -1...1, positive when `first` is larger.
    public var rankBiserial: Double {
        let sum = positiveRanks + negativeRanks
        return sum > 0 ? (positiveRanks - negativeRanks) / sum : 0
    }

    /// Twice the fraction of sign patterns whose rank sum is at most `smaller`.
    private static func exact(_ ranks: [Double], _ smaller: Double) -> Double {
        // Ranks of ties may be half-integers; doubled ranks are integers.
        let doubled = ranks.map { Int(2 * $0) }
        var shares = [Double](repeating: 0, count: doubled.reduce(0, +) + 1)
        shares[0] = 1
        var top = 0
        for rank in doubled {
            top += rank
            for sum in (0...top).reversed() {
                shares[sum] = (shares[sum] + (sum >= rank ? shares[sum - rank] : 0)) / 2
            }
        }
        return min(1, 2 * shares[...Int(2 * smaller)].reduce(0, +))
    }

    private static func normal(_ tieSizes: [Int], _ sum: Double, count n: Double) -> Double {
        let ties = tieSizes.reduce(0.0) { $0 + Double($1 * $1 * $1 - $1) }
        let variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24
        let z = (sum - n * (n + 1) / 4) / variance.squareRoot()
        return erfc(abs(z) / 2.0.squareRoot())
    }
}

extension [Double] {
    /// Ranks from 1; equal numbers have the mean of their ranks.
    func ranks() -> (ranks: [Double], tieSizes: [Int]) {
        let order = indices.sorted { self[$0] < self[$1] }
        var ranks = [Double](repeating: 0, count: count)
        var tieSizes: [Int] = []
        var first = 0
        while first < count {
            var end = first + 1
            while end < count && self[order[end]] == self[order[first]] { end += 1 }
            for place in first..<end { ranks[order[place]] = Double(first + 1 + end) / 2 }
            tieSizes.append(end - first)
            first = end
        }
        return (ranks, tieSizes)
    }
}

/// Correlation coefficients of paired values.
public enum Correlation {
    /// Pearson's correlation.
    ///
    /// - Parameters:
    ///   - first: one value for each case.
    ///   - second: the other value for each case.
    /// - Returns: -1...1; nil if one of the lists is constant.
    /// - Throws: ``MetricsError`` if there are no pairs, or a value is not finite.
    public static func pearson(
        _ first: [Double], _ second: [Double]
    ) throws(MetricsError) -> Double? {
        try first.checkPairs(with: second)
        let (a, b) = (first.mean, second.mean)
        var (squaresA, squaresB, products) = (0.0, 0.0, 0.0)
        for (x, y) in zip(first, second) {
            squaresA += (x - a) * (x - a)
            squaresB += (y - b) * (y - b)
            products += (x - a) * (y - b)
        }
        let scale = squaresA.squareRoot() * squaresB.squareRoot()
        return scale > 0 ? max(-1, min(1, products / scale)) : nil
    }

    /// Spearman's correlation: Pearson's correlation of the ranks.
    ///
    /// - Parameters:
    ///   - first: one value for each case.
    ///   - second: the other value for each case.
    /// - Returns: -1...1; nil if one of the lists is constant.
    /// - Throws: ``MetricsError`` if there are no pairs, or a value is not finite.
    public static func spearman(
        _ first: [Double], _ second: [Double]
    ) throws(MetricsError) -> Double? {
        try first.checkPairs(with: second)
        return try pearson(first.ranks().ranks, second.ranks().ranks)
    }
}
