/// A figure of ``MaskScores`` by its name in tables and files.
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

    /// What the figure measures.
    public enum Unit: Sendable {
        /// 0...1, larger is better.
        case share
        /// In the spacing's unit, smaller is better.
        case length
        /// In the spacing's unit squared, nearer to 0 is better.
        case area
        /// Columns of the mask, whatever the spacing; smaller is better.
        case columns
    }

    /// What it measures.
    public var unit: Unit {
        switch self {
        case .dice, .iou, .precision, .recall, .specificity, .surfaceDice: .share
        case .hd, .hd95, .hd95Directed, .hd95Length, .asd, .assd, .centroidDistance: .length
        case .areaError: .area
        case .samusHD: .columns
        }
    }

    /// A heading for people.
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
    /// A figure by its name.
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
