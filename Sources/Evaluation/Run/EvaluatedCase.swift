import Imaging
import Metrics
import Ultrasound

/// One mask measured against its label.
public struct EvaluatedCase: Codable, Equatable, Sendable {
    /// The sample, as `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String
    /// The data set's folder.
    public var dataset: String
    /// The picture's name.
    public var name: String
    /// Which class of the label is meant.
    public var label: Int
    /// Classes of the data set, background included.
    public var classes: Int
    /// The patient, where the data set tells.
    public var patient: String?
    /// How the prompt was made; nil where masks come from files.
    public var prompt: LabelPrompt?
    /// Which of the prompts, from 1.
    public var click: Int
    /// Points on the object as given to the model, `[x, y]` each.
    public var points: [[Double]]
    /// Points beside it: one where the label is empty.
    public var negatives: [[Double]]
    /// The box, `[x0, y0, x1, y1]`.
    public var box: [Double]?
    /// Pixels of the label.
    public var labelArea: Int
    /// Pixels of the mask.
    public var maskArea: Int
    /// mm per pixel, where it is known and lengths are in mm.
    public var spacing: PixelSpacing?
    /// What lengths are measured in.
    public var unit: LengthUnit
    /// By the metric's raw value.
    public var metrics: [String: Double]
    /// The model's own estimate; nil where it has none.
    public var iouEstimate: Double?
    /// Seconds to look at the picture, once for all its cases.
    public var encodeSeconds: Double
    /// Seconds for this mask.
    public var promptSeconds: Double

    /// A metric's value.
    ///
    /// - Parameter metric: which.
    /// - Returns: nil where it was not measured.
    public subscript(metric: MaskMetric) -> Double? { metrics[metric.rawValue] }

    /// Whether the object is in the picture, and whether the mask says so.
    public var presence: Presence {
        switch (labelArea > 0, maskArea > 0) {
        case (true, true): .found
        case (true, false): .missed
        case (false, true): .invented
        case (false, false): .absent
        }
    }
}

/// Whether an object is in a picture, and whether a mask says so.
public enum Presence: String, Codable, Sendable, CaseIterable {
    /// There, and a mask.
    case found
    /// There, and an empty mask.
    case missed
    /// Not there, and a mask.
    case invented
    /// Not there, and an empty mask.
    case absent
}
