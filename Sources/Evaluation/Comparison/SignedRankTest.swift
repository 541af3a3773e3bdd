import Foundation

/// Wilcoxon's signed-rank test of paired differences, two-sided.
///
/// Differences of 0 are left out (Wilcoxon's own way); ties share their mean rank. Without either
/// and with at most 50 pairs the probability is exact, else of the normal approximation with the
/// correction for ties and none for continuity: SciPy's `wilcoxon`, its method `asymptotic`.
public struct SignedRankTest: Codable, Equatable, Sendable {
    /// Differences that are not 0.
    public var count: Int
    /// Sum of the ranks of positive differences.
    public var positive: Double
    /// Sum of the ranks of negative differences.
    public var negative: Double
    /// Whether the probability is exact.
    public var isExact: Bool
    /// Probability of sums as uneven as these where neither side is better; 1 without differences.
    public var probability: Double

    /// The matched-pairs rank-biserial correlation, an effect size from -1 to 1.
    ///
    /// The share of the rank sum that is positive minus the negative one; 0 without differences.
    public var rankBiserial: Double {
        count == 0 ? 0 : (positive - negative) / (positive + negative)
    }

    /// - Parameter differences: finite numbers.
    public init(_ differences: [Double]) {
        let sorted = differences.filter { $0 != 0 }.sorted { abs($0) < abs($1) }
        count = sorted.count
        (positive, negative) = (0, 0)
        var ties = 0.0
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count && abs(sorted[end]) == abs(sorted[start]) { end += 1 }
            let rank = Double(start + 1 + end) / 2
            for one in sorted[start..<end] {
                if one > 0 { positive += rank } else { negative += rank }
            }
            let size = Double(end - start)
            ties += size * size * size - size
            start = end
        }
        isExact = count == differences.count && ties == 0 && count <= 50 && count > 0
        let smaller = min(positive, negative)
        if count == 0 {
            probability = 1
        } else if isExact {
            probability = Self.exact(count, smaller: Int(smaller))
        } else {
            let n = Double(count)
            let variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48
            let z = (smaller - n * (n + 1) / 4) / variance.squareRoot()
            probability = min(erfc(abs(z) / 2.0.squareRoot()), 1)
        }
    }

    /// Twice the share of the 2^n ways to give ranks signs whose sum is at most `smaller`.
    private static func exact(_ n: Int, smaller: Int) -> Double {
        var ways = [Double](repeating: 0, count: n * (n + 1) / 2 + 1)
        ways[0] = 1
        for rank in 1...n {
            for sum in stride(from: ways.count - 1, through: rank, by: -1) {
                ways[sum] += ways[sum - rank]
            }
        }
        return min(2 * ways[...smaller].reduce(0, +) / pow(2, Double(n)), 1)
    }
}
