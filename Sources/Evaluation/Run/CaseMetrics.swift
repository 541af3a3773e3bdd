import Imaging
import Metrics

/// Every metric of a mask against its label, by raw value.
///
/// - Parameters:
///   - mask: what was found.
///   - label: what is there.
///   - spacing: mm per pixel; lengths are in pixels where it is nil.
///   - tolerance: for surface Dice.
/// - Returns: finite numbers.
/// - Throws: `MetricsError` when the mask is not of the label's size.
func measured(
    _ mask: Mask, _ label: Mask, spacing: PixelSpacing?, tolerance: SurfaceTolerance
) throws(MetricsError) -> [String: Double] {
    let scores = try MaskComparison(prediction: mask, reference: label, spacing: spacing)
        .scores(tolerance: spacing == nil ? tolerance.pixels : tolerance.millimetres)
    var values: [String: Double] = [:]
    for metric in MaskMetric.allCases where scores[metric].isFinite {
        values[metric.rawValue] = scores[metric]
    }
    return values
}
