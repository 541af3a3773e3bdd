import Datasets
import Imaging
import Metrics
import Segmentation

/// One mask measured against its label.
public struct EvaluatedCase: Codable, Equatable, Sendable {
    /// The sample, as `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String
    /// The data set's folder.
    public var dataset: String
    /// The image's name.
    public var name: String
    /// Which class of the label is meant.
    public var label: Int
    /// Classes of the data set, background included.
    public var classes: Int
    /// The patient, where the data set tells.
    public var patient: String?
    /// How the prompt was made; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// Which of the prompts, from 1.
    public var click: Int
    /// Points on the object as given to the model, `[x, y]` each.
    public var points: [[Double]]
    /// Points beside it: one where the label is empty.
    public var backgroundPoints: [[Double]]
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
    /// Seconds to look at the image, once for all its cases.
    public var encodeSeconds: Double
    /// Seconds for this mask.
    public var promptSeconds: Double

    /// A metric's value.
    ///
    /// - Parameter metric: which.
    /// - Returns: nil where it was not measured.
    public subscript(metric: MaskMetric) -> Double? { metrics[metric.rawValue] }

    /// Whether the object is in the image, and whether the mask says so.
    public var presence: Presence {
        switch (labelArea > 0, maskArea > 0) {
        case (true, true): .found
        case (true, false): .missed
        case (false, true): .invented
        case (false, false): .absent
        }
    }
}

/// Whether an object is in an image, and whether a mask says so.
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

/// The cases of one image, collected prompt by prompt.
struct CasesOfImage {
    private let encode: Double
    private(set) var cases: [EvaluatedCase] = []
    private(set) var masks: [RunLength] = []
    /// Spent on all masks.
    private(set) var seconds = 0.0

    /// - Parameter encode: seconds that looking at the image took.
    init(encode: Double) {
        self.encode = encode
    }

    /// Asks for the masks of one object and measures them.
    ///
    /// - Parameters:
    ///   - sample: the object.
    ///   - label: its pixels.
    ///   - kind: how prompts are made of the label; nil where masks come from files.
    ///   - options: grid, seed and tolerance.
    ///   - find: gives the masks of prompts.
    /// - Throws: what `find` throws.
    mutating func measure(
        _ sample: Sample, _ label: Mask, _ kind: PromptStrategy?, _ options: EvaluationOptions,
        find: ([Prompt.Checked]?) throws -> [FoundMask]
    ) throws {
        // The same clicks whatever else is evaluated, and by whichever model.
        var random = SampleRandom(seed: options.seed, Fingerprint(of: sample.id).place)
        let prompts = kind.flatMap {
            PromptSampler($0).prompts(for: label, using: &random)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let found = try find(prompts)
        let seconds = (clock.now - start).inSeconds
        self.seconds += seconds
        let spacing = options.resolution == .native ? sample.spacing : nil
        for (index, one) in found.enumerated() {
            let prompt = prompts?[index].prompt
            cases.append(
                EvaluatedCase(
                    id: sample.id, dataset: sample.dataset, name: sample.name, label: sample.label,
                    classes: sample.classes, patient: sample.patient, prompt: kind,
                    click: index + 1, points: prompt?.points.map { [$0.x, $0.y] } ?? [],
                    backgroundPoints: prompt?.backgroundPoints.map { [$0.x, $0.y] } ?? [],
                    box: prompt?.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] }, labelArea: label.area,
                    maskArea: one.mask.area, spacing: spacing,
                    unit: spacing == nil ? .pixels : .millimetres,
                    metrics: try measured(
                        one.mask, label, spacing: spacing, tolerance: options.tolerance),
                    iouEstimate: one.iouEstimate, encodeSeconds: encode,
                    promptSeconds: seconds / Double(found.count)))
            masks.append(one.mask.runLength())
        }
    }
}
