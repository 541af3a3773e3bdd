import Imaging

/// What the program of the authors of SAMUS (arXiv:2309.06824) computes, as it computes it.
///
/// Shares have 1e-5 added to numerator and denominator; `samusHD` compares rows, see
/// `Docs/Metrics.md`. For comparisons with the paper's tables, and for nothing else.
public struct AuthorsScores: Hashable, Codable, Sendable {
    /// `(2 TP + s) / (2 TP + FP + FN + s)`, s = 1e-5.
    public var dice: Double
    /// `(TP + s) / (TP + FP + FN + s)`.
    public var iou: Double
    /// `(TP + TN + s) / (all + s)`.
    public var accuracy: Double
    /// `(TP + s) / (TP + FN + s)`.
    public var sensitivity: Double
    /// `(TN + s) / (TN + FP + s)`.
    public var specificity: Double
    /// The largest number of columns in which a row of one mask differs from every row of the other.
    public var samusHD: Double

    init(_ counts: ConfusionCounts, rows: Int) {
        func share(_ part: Int, _ whole: Int) -> Double {
            (Double(part) + 1e-5) / (Double(whole) + 1e-5)
        }
        dice = share(2 * counts.truePositives, counts.predicted + counts.wanted)
        iou = share(counts.truePositives, counts.total - counts.trueNegatives)
        accuracy = share(counts.truePositives + counts.trueNegatives, counts.total)
        sensitivity = share(counts.truePositives, counts.wanted)
        specificity = share(counts.trueNegatives, counts.trueNegatives + counts.falsePositives)
        samusHD = Double(rows)
    }
}
