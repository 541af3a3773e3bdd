/// What is measured of a mask against its label.
public enum Metric: String, Codable, Sendable, CaseIterable {
    case dice
    case iou
    case sensitivity
    case specificity
    case precision
    case accuracy
    case hausdorff
    case hausdorff95
    case averageDistance = "assd"
    case surfaceDice = "surface_dice"
    case rowHausdorff = "samus_hd"

    /// As tables call it.
    public var title: String {
        switch self {
        case .dice: "Dice"
        case .iou: "IoU"
        case .sensitivity: "sensitivity"
        case .specificity: "specificity"
        case .precision: "precision"
        case .accuracy: "accuracy"
        case .hausdorff: "HD"
        case .hausdorff95: "HD95"
        case .averageDistance: "ASSD"
        case .surfaceDice: "surface Dice"
        case .rowHausdorff: "samus_hd"
        }
    }

    /// Whether it is a length between outlines, in the case's ``LengthUnit``.
    public var isLength: Bool {
        [.hausdorff, .hausdorff95, .averageDistance].contains(self)
    }

    /// Whether its value depends on the case's ``LengthUnit``, so that means do not mix units.
    public var dependsOnUnit: Bool { isLength || self == .surfaceDice }

    /// Whether more is better.
    public var moreIsBetter: Bool { !isLength && self != .rowHausdorff }
}

/// What lengths are measured in.
public enum LengthUnit: String, Codable, Sendable, CaseIterable {
    case millimetres = "mm"
    case pixels = "px"
}
