import Metrics

/// What lengths are measured in.
public enum LengthUnit: String, Codable, Sendable, CaseIterable {
    case millimetres = "mm"
    case pixels = "px"
}

extension MaskMetric {
    /// Whether its value depends on the case's ``LengthUnit``, so that means do not mix units.
    var dependsOnUnit: Bool { unit == .length || unit == .area || self == .surfaceDice }

    /// Whether more is better, less is, or neither says anything.
    var moreIsBetter: Bool? {
        switch unit {
        case .share: true
        case .length, .columns: false
        case .area: nil
        }
    }
}
