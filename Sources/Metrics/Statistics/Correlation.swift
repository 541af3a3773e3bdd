/// How two figures of the same cases go together.
public enum Correlation {
    /// Pearson's correlation.
    ///
    /// - Parameters:
    ///   - first: one figure a case.
    ///   - second: another figure of the same cases.
    /// - Returns: -1...1; nil when one of them is the same for all cases.
    /// - Throws: ``MetricsError`` when there are no pairs, or a value is not finite.
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

    /// Spearman's correlation: Pearson's of the ranks, ties sharing theirs.
    ///
    /// - Parameters:
    ///   - first: one figure a case.
    ///   - second: another figure of the same cases.
    /// - Returns: -1...1; nil when one of them is the same for all cases.
    /// - Throws: ``MetricsError`` when there are no pairs, or a value is not finite.
    public static func spearman(
        _ first: [Double], _ second: [Double]
    ) throws(MetricsError) -> Double? {
        try first.checkPairs(with: second)
        return try pearson(first.ranks().ranks, second.ranks().ranks)
    }
}
