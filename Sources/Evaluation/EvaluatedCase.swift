import Datasets
import Imaging
import MaskMetrics
import Segmentation

/// One mask measured against its label.
public struct EvaluatedCase: Codable, Equatable, Sendable {
    /// The sample, for example `Echo-CAMUS/patient0010_2CH_ES#2`.
    public var id: String
    /// The dataset's folder.
    public var dataset: String
    /// The image's name.
    public var name: String
    /// The class of the label.
    public var label: Int
    /// Classes of the dataset, background included.
    public var classes: Int
    /// The patient, where known.
    public var patient: String?
    /// How the prompt was made; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// Number of the prompt, from 1.
    public var click: Int
    /// Foreground points of the prompt, `[x, y]` each.
    public var points: [[Double]]
    /// Background points of the prompt: one where the label is empty.
    public var backgroundPoints: [[Double]]
    /// The box, `[x0, y0, x1, y1]`.
    public var box: [Double]?
    /// Number of pixels of the label.
    public var labelArea: Int
    /// Number of pixels of the mask.
    public var maskArea: Int
    /// mm per pixel, where lengths are in mm.
    public var spacing: PixelSpacing?
    /// Unit of lengths.
    public var unit: LengthUnit
    /// By the metric's raw value.
    public var metrics: [String: Double]
    /// The model's estimate of the IoU; nil where it gives none.
    public var iouEstimate: Double?
    /// Foreground points inside the mask; nil in reports of version 0.1.
    public var obeyedPoints: Int?
    /// Background points outside the mask; nil in reports of version 0.1.
    public var obeyedBackgroundPoints: Int?
    /// The largest level whose area interval contains the label's area; nil where uncertainty was
    /// not measured, or the label is empty.
    public var areaLevel: Double?
    /// The interval of the model's own level for the area, lower and upper end in pixels.
    public var areaInterval: [Int]?
    /// Seconds to encode the image, once for all its cases.
    public var encodeSeconds: Double
    /// Seconds for this mask.
    public var promptSeconds: Double

    /// A metric's value.
    ///
    /// - Parameter metric: the metric.
    /// - Returns: its value; nil where it was not measured.
    public subscript(metric: MaskMetric) -> Double? { metrics[metric.rawValue] }

    /// Whether the object is in the image, and whether the mask is empty.
    public var detection: Detection {
        switch (labelArea > 0, maskArea > 0) {
        case (true, true): .truePositive
        case (true, false): .falseNegative
        case (false, true): .falsePositive
        case (false, false): .trueNegative
        }
    }
}

/// Whether an object is in an image, and whether the mask is empty.
public enum Detection: String, Sendable, CaseIterable {
    /// The object is in the image, the mask is not empty.
    case truePositive = "true_positive"
    /// The object is in the image, the mask is empty.
    case falseNegative = "false_negative"
    /// The object is not in the image, the mask is not empty.
    case falsePositive = "false_positive"
    /// The object is not in the image, the mask is empty.
    case trueNegative = "true_negative"
}

/// Every metric of a mask against its label, by raw value.
///
/// - Parameters:
///   - mask: the predicted mask.
///   - label: the reference mask.
///   - spacing: mm per pixel; lengths are in pixels where it is nil.
///   - tolerance: for surface Dice.
/// - Returns: finite numbers.
/// - Throws: `MetricsError` when mask and label have different sizes.
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
struct ImageEvaluation {
    private let encodeSeconds: Double
    private let areaLevels: AreaLevels?
    private(set) var cases: [EvaluatedCase] = []
    private(set) var masks: [RunLength] = []
    /// Seconds for all masks.
    private(set) var maskSeconds = 0.0

    /// - Parameters:
    ///   - encodeSeconds: seconds to encode the image.
    ///   - areaLevels: levels of the model's area intervals, where it has some.
    init(encodeSeconds: Double, areaLevels: AreaLevels?) {
        self.encodeSeconds = encodeSeconds
        self.areaLevels = areaLevels
    }

    /// Predicts the masks of one object and measures them.
    ///
    /// - Parameters:
    ///   - sample: the object.
    ///   - label: its pixels.
    ///   - strategy: how prompts are made; nil where masks come from files.
    ///   - options: resolution, seed and tolerance.
    ///   - seconds: seconds that the masks took; nil to measure them.
    ///   - predict: gives the masks of prompts.
    /// - Throws: what `predict` throws.
    mutating func measure(
        _ sample: Sample, _ label: Mask, _ strategy: PromptStrategy?, _ options: EvaluationOptions,
        seconds: Double? = nil, predict: ([Prompt.Checked]?) throws -> [PredictedMask]
    ) throws {
        let prompts = strategy.flatMap { Self.prompts(for: sample, label, $0, options) }
        let (predicted, measured) = try timed { try predict(prompts) }
        let seconds = seconds ?? measured
        for (index, one) in predicted.enumerated() {
            try add(
                one, for: prompts?[index].prompt, number: index + 1, sample, label, strategy,
                options, seconds: seconds / Double(predicted.count))
        }
    }

    /// The prompts of an object: the same for every model, list and limit.
    static func prompts(
        for sample: Sample, _ label: Mask, _ strategy: PromptStrategy, _ options: EvaluationOptions
    ) -> [Prompt.Checked]? {
        var random = SampleRandom(seed: options.seed, Fingerprint(of: sample.id).streamIndex)
        return PromptSampler(strategy).prompts(for: label, using: &random)
    }

    /// Predicts masks for prompts on nothing, and measures them against an empty label.
    ///
    /// - Parameters:
    ///   - sample: an object of the image.
    ///   - labelled: pixels of any class.
    ///   - strategy: how prompts are made.
    ///   - options: resolution, seed and tolerance.
    ///   - predict: gives the masks of prompts.
    /// - Throws: what `predict` throws.
    mutating func measureNothing(
        _ sample: Sample, _ labelled: Mask, _ strategy: PromptStrategy?,
        _ options: EvaluationOptions,
        predict: ([Prompt.Checked]) throws -> [PredictedMask]
    ) throws {
        var random = SampleRandom(seed: options.seed, Fingerprint(of: sample.id).streamIndex, 1)
        let prompts = try (0..<(strategy?.promptCount ?? 0)).compactMap { _ in
            try PromptSampler.promptOnNothing(besides: labelled, using: &random)?
                .checked(for: labelled.size)
        }
        guard !prompts.isEmpty else { return }
        let nothing = Mask(emptyOf: labelled.size)
        let (predicted, seconds) = try timed { try predict(prompts) }
        for (index, one) in predicted.enumerated() {
            try add(
                one, for: prompts[index].prompt, number: index + 1, sample, nothing, strategy,
                options, seconds: seconds / Double(predicted.count))
        }
    }

    /// Predicts the mask of one object after a click in its middle, and after each correction of
    /// the largest error; measures those that are asked for.
    ///
    /// - Parameters:
    ///   - sample: the object.
    ///   - label: its pixels.
    ///   - counts: numbers of corrections to measure, 0 for the first click.
    ///   - options: resolution, seed and tolerance.
    ///   - predict: gives the mask of a prompt.
    /// - Throws: what `predict` throws.
    mutating func measureCorrections(
        _ sample: Sample, _ label: Mask, counts: [Int], _ options: EvaluationOptions,
        predict: (Prompt.Checked) throws -> PredictedMask
    ) throws {
        var prompt = Prompt()
        var mask = Mask(emptyOf: label.size)
        // Where the object is not in the image, the click is on the background.
        let background = PromptSampler(.fixedClick)
        var current: PredictedMask?
        for step in 0...(counts.max() ?? 0) {
            var seconds = 0.0
            var next = PromptSampler.middleOfLargestError(in: mask, mask: label)
            if step == 0, next == nil {
                var random = SampleRandom(seed: options.seed)
                next = background.prompt(for: label, using: &random).clicks.first
            }
            if let next {
                prompt.clicks.append(next)
                let checked = try prompt.checked(
                    for: label.size, allowingOnlyBackgroundPoints: true)
                let (predicted, time) = try timed { try predict(checked) }
                (current, mask, seconds) = (predicted, predicted.mask, time)
            }
            guard let current, counts.contains(step) else { continue }
            try add(
                current, for: prompt, number: 1, sample, label, .corrections(step), options,
                seconds: seconds)
        }
    }

    private mutating func timed<Result>(
        _ body: () throws -> Result
    ) rethrows -> (Result, seconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let result = try body()
        let seconds = (clock.now - start).inSeconds
        maskSeconds += seconds
        return (result, seconds)
    }

    private mutating func add(
        _ one: PredictedMask, for prompt: Prompt?, number: Int, _ sample: Sample, _ label: Mask,
        _ strategy: PromptStrategy?, _ options: EvaluationOptions, seconds: Double
    ) throws {
        let spacing = options.resolution == .native ? sample.spacing : nil
        let uncertainty = label.area > 0 ? one.uncertainty : nil
        let level = prompt.flatMap { areaLevels?.level(for: $0) }
        let interval = level.flatMap { uncertainty?.areaInterval(level: $0) }
        cases.append(
            EvaluatedCase(
                id: sample.id, dataset: sample.dataset, name: sample.name, label: sample.label,
                classes: sample.classes, patient: sample.patient, prompt: strategy,
                click: number, points: prompt?.foregroundPoints.map { [$0.x, $0.y] } ?? [],
                backgroundPoints: prompt?.backgroundPoints.map { [$0.x, $0.y] } ?? [],
                box: prompt?.box.map { [$0.x0, $0.y0, $0.x1, $0.y1] }, labelArea: label.area,
                maskArea: one.mask.area, spacing: spacing,
                unit: spacing == nil ? .pixels : .millimetres,
                metrics: try measured(
                    one.mask, label, spacing: spacing, tolerance: options.tolerance),
                iouEstimate: one.iouEstimate,
                obeyedPoints: prompt?.foregroundPoints.count { one.mask.contains($0) },
                obeyedBackgroundPoints: prompt?.backgroundPoints.count { !one.mask.contains($0) },
                areaLevel: uncertainty?.level(containing: label.area),
                areaInterval: interval.map { [$0.lowerBound, $0.upperBound] },
                encodeSeconds: encodeSeconds, promptSeconds: seconds))
        masks.append(one.mask.runLength())
    }
}
