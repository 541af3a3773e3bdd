import Imaging

/// All figures of one prediction against its reference.
///
/// Shares are 0...1. Lengths and areas are in the unit of the spacing: pixels when it is 1, else
/// mm and mm². `Docs/Metrics.md` has the formulas.
public struct MaskScores: Hashable, Codable, Sendable {
    /// Which of the two masks are empty, so that the figures follow from a rule instead of contours.
    public var emptiness: Emptiness
    /// The counts that the shares come from.
    public var counts: ConfusionCounts
    /// Width and height of a pixel.
    public var spacing: PixelSpacing
    /// `2 TP / (2 TP + FP + FN)`.
    public var dice: Double
    /// `TP / (TP + FP + FN)`.
    public var iou: Double
    /// `TP / (TP + FP)`.
    public var precision: Double
    /// `TP / (TP + FN)`.
    public var recall: Double
    /// `TN / (TN + FP)`.
    public var specificity: Double
    /// Largest distance of a contour pixel to the other contour: the true Hausdorff distance.
    public var hd: Double
    /// 95th percentile of the distances of both directions together: MedPy's HD95.
    public var hd95: Double
    /// The larger of both directions' 95th percentiles: MONAI's HD95.
    public var hd95Directed: Double
    /// The larger of both directions' 95th percentiles by length of contour: surface-distance's HD95.
    public var hd95Length: Double
    /// Mean distance of the prediction's contour pixels to the reference's contour.
    public var asd: Double
    /// Mean distance over the contour pixels of both masks together: MedPy's ASSD.
    public var assd: Double
    /// Share of both contours' length at most `tolerance` away from the other: surface-distance's.
    public var surfaceDice: Double
    /// The tolerance of `surfaceDice`, a length.
    public var tolerance: Double
    /// What the authors of SAMUS call HD, in columns, whatever the spacing: no distance of contours.
    public var samusHD: Double
    /// Distance of the centres of gravity.
    public var centroidDistance: Double
    /// Area of the prediction.
    public var predictionArea: Double
    /// Area of the reference.
    public var referenceArea: Double

    /// Area of the prediction minus that of the reference.
    public var areaError: Double { predictionArea - referenceArea }

    /// `areaError` as a share of the reference's area; nil when the reference is empty.
    public var relativeAreaError: Double? {
        referenceArea > 0 ? areaError / referenceArea : nil
    }
}
