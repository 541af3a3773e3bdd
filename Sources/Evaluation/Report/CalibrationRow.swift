import Metrics
import Ultrasound

/// How well a model's own estimate of the overlap agrees with the overlap, IoU, for one prompt.
public struct CalibrationRow: Codable, Equatable, Sendable {
    /// How masks were asked for; nil where they come from files.
    public var prompt: LabelPrompt?
    /// Masks with an estimate.
    public var count: Int
    /// Their mean estimate.
    public var estimate: Double
    /// Their mean IoU.
    public var iou: Double
    /// Bins, errors and correlations.
    public var calibration: Calibration
}

extension [EvaluatedCase] {
    /// Calibration of each prompt's estimates.
    ///
    /// - Returns: nothing where masks have no estimates.
    public func calibrations() -> [CalibrationRow] {
        prompts.compactMap { prompt in
            let pairs = filter { $0.prompt == prompt }.compactMap { one in
                one.iouEstimate.flatMap { estimate in one[.iou].map { (estimate, $0) } }
            }
            guard !pairs.isEmpty else { return nil }
            let (estimates, ious) = (pairs.map(\.0), pairs.map(\.1))
            return ofFinite { () throws(MetricsError) in
                CalibrationRow(
                    prompt: prompt, count: pairs.count, estimate: try Summary(estimates).mean,
                    iou: try Summary(ious).mean,
                    calibration: try Calibration(estimates: estimates, ious: ious))
            }
        }
    }
}
