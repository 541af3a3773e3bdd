import Imaging

/// All metrics of a prediction against its reference.
///
/// Fractions are 0...1. Lengths and areas are in pixels if the spacing is 1, else in mm and mm². The
/// formulas are in `Docs/Metrics.md`.
public struct MaskScores: Hashable, Codable, Sendable {
    /// Which of the two masks are empty; if one is, the metrics have fixed values.
    public var emptiness: Emptiness
    /// The pixel counts.
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
    /// 95th percentile of all distances of both directions: MedPy's HD95.
    public var hd95: Double
    /// The larger of the two directions' 95th percentiles: MONAI's HD95.
    public var hd95Directed: Double
    /// The larger of the two directions' 95th percentiles by contour length: surface-distance's HD95.
    public var hd95Length: Double
    /// Mean distance of the prediction's contour pixels to the reference's contour.
    public var asd: Double
    /// Mean distance over the contour pixels of both masks: MedPy's ASSD.
    public var assd: Double
    /// Fraction of the length of both contours within `tolerance` of the other (surface-distance).
    public var surfaceDice: Double
    /// The tolerance of `surfaceDice`, a length.
    public var tolerance: Double
    /// The HD of the SAMUS authors, in columns at any spacing; not a distance between contours.
    public var samusHD: Double
    /// Distance between the centroids.
    public var centroidDistance: Double
    /// Area of the prediction.
    public var predictionArea: Double
    /// Area of the reference.
    public var referenceArea: Double

    /// Area of the prediction minus that of the reference.
    public var areaError: Double { predictionArea - referenceArea }

    /// `areaError` as a fraction of the reference's area; nil if the reference is empty.
    public var relativeAreaError: Double? {
        referenceArea > 0 ? areaError / referenceArea : nil
    }
}

/// A metric of ``MaskScores``, by its name in tables and files.
public enum MaskMetric: String, CaseIterable, Codable, Hashable, Sendable {
    case dice, iou, precision, recall, specificity
    case hd, hd95
    case hd95Directed = "hd95_directed"
    case hd95Length = "hd95_length"
    case asd, assd
    case surfaceDice = "surface_dice"
    case samusHD = "samus_hd"
    case centroidDistance = "centroid_distance"
    case areaError = "area_error"

    /// The kind of unit.
    public enum Unit: Sendable {
        /// 0...1, larger is better.
        case share
        /// In the spacing's unit, smaller is better.
        case length
        /// In the spacing's unit squared, nearer to 0 is better.
        case area
        /// In columns of the mask at any spacing, smaller is better.
        case columns
    }

    /// The kind of unit.
    public var unit: Unit {
        switch self {
        case .dice, .iou, .precision, .recall, .specificity, .surfaceDice: .share
        case .hd, .hd95, .hd95Directed, .hd95Length, .asd, .assd, .centroidDistance: .length
        case .areaError: .area
        case .samusHD: .columns
        }
    }

    /// The title in tables.
    public var title: String {
        switch self {
        case .dice: "Dice"
        case .iou: "IoU"
        case .precision: "Precision"
        case .recall: "Recall"
        case .specificity: "Specificity"
        case .hd: "HD"
        case .hd95: "HD95"
        case .hd95Directed: "HD95 (larger direction)"
        case .hd95Length: "HD95 (by length)"
        case .asd: "ASD"
        case .assd: "ASSD"
        case .surfaceDice: "Surface Dice"
        case .samusHD: "samus_hd"
        case .centroidDistance: "Centroid distance"
        case .areaError: "Area error"
        }
    }
}

extension MaskScores {
    /// The value of a metric.
    public subscript(metric: MaskMetric) -> Double {
        switch metric {
        case .dice: dice
        case .iou: iou
        case .precision: precision
        case .recall: recall
        case .specificity: specificity
        case .hd: hd
        case .hd95: hd95
        case .hd95Directed: hd95Directed
        case .hd95Length: hd95Length
        case .asd: asd
        case .assd: assd
        case .surfaceDice: surfaceDice
        case .samusHD: samusHD
        case .centroidDistance: centroidDistance
        case .areaError: areaError
        }
    }
}

/// Why two masks cannot be compared, or statistics cannot be computed.
public enum MetricsError: Error, Equatable, Sendable {
    case sizesDiffer(prediction: Size, reference: Size)
    case noCases
    case notFinite(index: Int)
    case countsDiffer(first: Int, second: Int)
}

extension MetricsError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .sizesDiffer(let prediction, let reference):
            "the prediction has \(prediction) pixels, the reference \(reference): the sizes must be equal"
        case .noCases:
            "there are no cases; at least one is needed"
        case .notFinite(let index):
            "case \(index + 1) has a value that is not a finite number"
        case .countsDiffer(let first, let second):
            "there are \(first) values on one side and \(second) on the other: pairs are needed"
        }
    }
}

/// Which of two masks are empty.
public enum Emptiness: String, CaseIterable, Codable, Hashable, Sendable {
    /// Neither mask is empty.
    case neither
    /// Only the prediction is empty: a false-negative image.
    case predictionEmpty = "prediction_empty"
    /// Only the reference is empty: a false-positive image.
    case referenceEmpty = "reference_empty"
    /// Both masks are empty: a true-negative image.
    case bothEmpty = "both_empty"

    /// - Parameters:
    ///   - predictionIsEmpty: whether the prediction has no foreground.
    ///   - referenceIsEmpty: whether the reference has no foreground.
    public init(predictionIsEmpty: Bool, referenceIsEmpty: Bool) {
        self =
            switch (predictionIsEmpty, referenceIsEmpty) {
            case (false, false): .neither
            case (true, false): .predictionEmpty
            case (false, true): .referenceEmpty
            case (true, true): .bothEmpty
            }
    }
}
