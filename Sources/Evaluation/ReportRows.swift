import Datasets
import Imaging
import MaskMetrics
import Segmentation

/// One object under one ``Variant``: a number for each metric.
struct Score {
    let id: String
    let dataset: String
    let label: Int
    let classes: Int
    let patient: String?
    let unit: LengthUnit
    /// mm per pixel, where lengths are in mm.
    let spacing: PixelSpacing?
    let values: [MaskMetric: Double]

    /// Scores of all objects.
    ///
    /// - Parameters:
    ///   - cases: of any prompts.
    ///   - variant: the prompt, and how several masks of one object are reduced.
    /// - Returns: in the order of the cases.
    static func all(of cases: [EvaluatedCase], as variant: Variant) -> [Score] {
        var order: [String] = []
        var groups: [String: [EvaluatedCase]] = [:]
        for one in cases where one.prompt == variant.prompt {
            if groups[one.id] == nil { order.append(one.id) }
            groups[one.id, default: []].append(one)
        }
        return order.compactMap { groups[$0].map { Score($0, variant.reduction) } }
    }

    private init(_ cases: [EvaluatedCase], _ reduction: Variant.Reduction) {
        let first = cases[0]
        (id, dataset, label, classes) = (first.id, first.dataset, first.label, first.classes)
        (patient, unit, spacing) = (first.patient, first.unit, first.spacing)
        let worst = cases.min { ($0[.dice] ?? 0) < ($1[.dice] ?? 0) } ?? first
        let taken = reduction == .worst ? [worst] : cases
        values = Self.means(taken.map { one in { one[$0] } })
    }

    /// The patient, or the image where the patient is unknown: its cases are not independent.
    var cluster: String {
        "\(dataset)/" + (patient ?? id.split(separator: "#").dropLast().joined(separator: "#"))
    }

    private init(of patient: String, _ scores: [Score]) {
        let first = scores[0]
        (id, self.patient) = (patient, patient)
        (dataset, label, classes, unit) = (first.dataset, first.label, first.classes, first.unit)
        spacing = nil
        values = Self.means(scores.map { score in { score.values[$0] } })
    }

    private static func means(_ sources: [(MaskMetric) -> Double?]) -> [MaskMetric: Double] {
        var means: [MaskMetric: Double] = [:]
        for metric in MaskMetric.allCases {
            let values = sources.compactMap { $0(metric) }
            guard !values.isEmpty else { continue }
            means[metric] = values.reduce(0, +) / Double(values.count)
        }
        return means
    }

    /// Means over each patient's cases.
    ///
    /// - Parameter scores: of one dataset.
    /// - Returns: one for each patient and unit, in the order of their first cases; nil where a
    ///   patient is unknown.
    static func byPatient(_ scores: [Score]) -> [Score]? {
        var order: [String] = []
        var groups: [String: [Score]] = [:]
        for score in scores {
            guard let patient = score.patient else { return nil }
            // Patient names are unique within a dataset only.
            let key = "\(score.dataset)/\(patient) \(score.unit.rawValue)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(score)
        }
        return order.compactMap { key in
            groups[key].map { Score(of: $0[0].patient ?? key, $0) }
        }
    }
}

/// A metric over a group of cases: one line of the tables.
public struct SummaryRow: Codable, Equatable, Sendable {
    /// What a row counts.
    public enum Basis: String, Codable, Sendable {
        /// Each object of each image.
        case cases
        /// Each patient, by the mean over the patient's cases.
        case patients
        /// Each true positive: an object that is in the image and has a mask.
        case detectedCases = "detected_cases"

        /// Reads the raw value, or the former `found_cases`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let basis = text == "found_cases" ? .detectedCases : Basis(rawValue: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "'\(text)' is no basis of a summary")
            }
            self = basis
        }
    }

    /// The prompt and the reduction.
    public var variant: Variant
    /// Whether prompts were made from the label; nil where unknown.
    public var isPrompted: Bool?
    /// The dataset; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// What the row counts.
    public var basis: Basis
    /// The metric.
    public var metric: MaskMetric
    /// The unit, where it matters; each unit has a row of its own.
    public var unit: LengthUnit?
    /// The statistics.
    public var statistics: SummaryStatistics
}

extension [EvaluatedCase] {
    /// Statistics of each metric for each prompt, dataset and class, by cases and by patients.
    ///
    /// - Parameter seed: of the bootstrap.
    /// - Returns: rows in the order of prompts, datasets and classes.
    public func summaries(seed: UInt64) -> [SummaryRow] {
        prompts.flatMap { prompt in
            Variant.all(of: prompt).flatMap { variant in
                let scores = Score.all(of: self, as: variant)
                let detected = Score.all(
                    of: filter { $0.detection == .truePositive }, as: variant)
                return groups.flatMap { group -> [SummaryRow] in
                    let members = scores.filter(group.contains)
                    let patients = Score.byPatient(members) ?? []
                    return rows(variant, group, .cases, members, seed)
                        + rows(variant, group, .patients, patients, seed)
                        + rows(
                            variant, group, .detectedCases, detected.filter(group.contains), seed)
                }
            }
        }
    }

    /// The prompts in the order of their first cases.
    var prompts: [PromptStrategy?] { map(\.prompt).uniqued }

    /// All datasets together and each dataset; each class, where there are several.
    var groups: [ScoreGroup] {
        let sets = map(\.dataset).uniqued
        let all = sets.count > 1 ? [ScoreGroup(dataset: nil, label: nil)] : []
        return all
            + sets.flatMap { set in
                let members = filter { $0.dataset == set }
                let labels = (members.first?.classes ?? 2) > 2 ? members.map(\.label).uniqued : []
                return [ScoreGroup(dataset: set, label: nil)]
                    + labels.sorted().map { ScoreGroup(dataset: set, label: $0) }
            }
    }

    private func rows(
        _ variant: Variant, _ group: ScoreGroup, _ basis: SummaryRow.Basis, _ scores: [Score],
        _ seed: UInt64
    ) -> [SummaryRow] {
        MaskMetric.allCases.flatMap { metric -> [SummaryRow] in
            let units: [LengthUnit?] = metric.dependsOnUnit ? LengthUnit.allCases : [nil]
            return units.compactMap { unit in
                let measured = scores.filter {
                    (unit == nil || $0.unit == unit) && $0.values[metric] != nil
                }
                let values = measured.compactMap { $0.values[metric] }
                return SummaryStatistics(values, clusters: measured.map(\.cluster), seed: seed).map
                {
                    SummaryRow(
                        variant: variant, isPrompted: variant.prompt?.usesLabel,
                        dataset: group.dataset, label: group.label, basis: basis, metric: metric,
                        unit: unit, statistics: $0)
                }
            }
        }
    }
}

/// The cases of one row.
struct ScoreGroup: Hashable {
    let dataset: String?
    let label: Int?

    func contains(_ score: Score) -> Bool {
        (dataset == nil || dataset == score.dataset) && (label == nil || label == score.label)
    }

    func contains(_ one: EvaluatedCase) -> Bool {
        (dataset == nil || dataset == one.dataset) && (label == nil || label == one.label)
    }

    /// The title in tables.
    var title: String {
        (dataset ?? "all datasets") + (label.map { ", class \($0)" } ?? "")
    }
}

extension Array where Element: Hashable {
    /// Each value once, in the order of the first ones.
    package var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

/// How well a model's estimate of the IoU agrees with the IoU, for one prompt.
public struct CalibrationRow: Codable, Equatable, Sendable {
    /// The prompt; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// Number of masks with an estimate.
    public var count: Int
    /// Their mean estimate.
    public var estimate: Double
    /// Their mean IoU.
    public var iou: Double
    /// Bins, errors and correlations.
    public var calibration: IoUCalibration
}

extension [EvaluatedCase] {
    /// Calibration of each prompt's estimates.
    ///
    /// - Returns: rows; none where masks have no estimates.
    public func calibrations() -> [CalibrationRow] {
        prompts.compactMap { prompt in
            let pairs = filter { $0.prompt == prompt }.compactMap { one in
                one.iouEstimate.flatMap { estimate in one[.iou].map { (estimate, $0) } }
            }
            guard !pairs.isEmpty else { return nil }
            let (estimates, ious) = (pairs.map(\.0), pairs.map(\.1))
            return finiteStatistics { () throws(MetricsError) in
                CalibrationRow(
                    prompt: prompt, count: pairs.count, estimate: try Summary(estimates).mean,
                    iou: try Summary(ious).mean,
                    calibration: try IoUCalibration(estimates: estimates, ious: ious))
            }
        }
    }
}

/// How often the interval of an area contains the label's area.
public struct UncertaintyRow: Codable, Equatable, Sendable {
    /// The prompt.
    public var prompt: PromptStrategy?
    /// Number of objects.
    public var count: Int
    /// The level whose intervals contain 90 % of these labels' areas.
    public var level: Double
    /// The share of labels whose area is in the interval of the model's own level; nil for a model
    /// without one.
    public var covered: Double?
    /// The median width of these intervals, as a share of the label's area.
    public var medianWidth: Double?
}

extension [EvaluatedCase] {
    /// The coverage of area intervals by prompt.
    ///
    /// - Returns: rows; none where uncertainty was not measured.
    public func areaIntervals() -> [UncertaintyRow] {
        prompts.compactMap { prompt in
            let members = filter { $0.prompt == prompt }
            guard let level = AreaLevels.level(covering: members.compactMap(\.areaLevel)) else {
                return nil
            }
            let intervals = members.compactMap { one in one.areaInterval.map { (one.labelArea, $0) }
            }
            let widths = intervals.map { Double($1[1] - $1[0]) / Double($0) }.sorted()
            let covered = intervals.count { ($1[0]...$1[1]).contains($0) }
            return UncertaintyRow(
                prompt: prompt, count: members.count { $0.areaLevel != nil }, level: level,
                covered: widths.isEmpty ? nil : Double(covered) / Double(widths.count),
                medianWidth: widths.isEmpty ? nil : widths[widths.count / 2])
        }
    }
}

/// How often masks are empty where an object is in the image, and where it is not.
public struct DetectionRow: Codable, Equatable, Sendable {
    /// The prompt; nil where masks come from files.
    public var prompt: PromptStrategy?
    /// The dataset; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// Objects in the image with a mask.
    public var truePositives: Int
    /// Objects in the image with an empty mask.
    public var falseNegatives: Int
    /// Objects not in the image with a mask.
    public var falsePositives: Int
    /// Objects not in the image with an empty mask.
    public var trueNegatives: Int
}

extension [EvaluatedCase] {
    /// Detections by prompt, dataset and class; each of several clicks counts.
    ///
    /// - Returns: rows in the order of `summaries(seed:)`.
    public func detections() -> [DetectionRow] {
        prompts.flatMap { prompt in
            groups.map { group in
                let members = filter { $0.prompt == prompt && group.contains($0) }
                func count(_ detection: Detection) -> Int {
                    members.count { $0.detection == detection }
                }
                return DetectionRow(
                    prompt: prompt, dataset: group.dataset, label: group.label,
                    truePositives: count(.truePositive), falseNegatives: count(.falseNegative),
                    falsePositives: count(.falsePositive), trueNegatives: count(.trueNegative))
            }
        }
    }
}

/// Statistics of a list of numbers.
public struct SummaryStatistics: Codable, Equatable, Sendable {
    /// How many numbers.
    public var count: Int
    /// Their mean.
    public var mean: Double
    /// Sample standard deviation (n - 1); 0 for a single number.
    public var standardDeviation: Double
    /// Their median.
    public var median: Double
    /// Lower end of the 95 % percentile bootstrap interval of the mean.
    public var low: Double
    /// Upper end of the interval.
    public var high: Double
}

extension SummaryStatistics {
    /// - Parameters:
    ///   - values: finite numbers; the result is nil where there are none.
    ///   - clusters: one name for each value: the bootstrap draws values of one name together. Nil
    ///     draws each value alone.
    ///   - seed: seed of the bootstrap.
    public init?(_ values: [Double], clusters: [String]? = nil, seed: UInt64) {
        guard !values.isEmpty else { return nil }
        let (summary, interval) = finiteStatistics { () throws(MetricsError) in
            (try Summary(values), try Bootstrap(seed: seed).mean(of: values, clusters: clusters))
        }
        self.init(
            count: summary.count, mean: summary.mean, standardDeviation: summary.deviation,
            median: summary.median, low: interval.low, high: interval.high)
    }
}

/// Computes statistics that cannot fail: there are values, and all are finite.
func finiteStatistics<Result>(_ statistics: () throws(MetricsError) -> Result) -> Result {
    do throws(MetricsError) {
        return try statistics()
    } catch {
        preconditionFailure("statistics of finite values: \(error)")
    }
}

/// How a model reacts to a user who corrects the largest error with each click.
public struct InteractionRow: Codable, Equatable, Sendable {
    /// The dataset; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// Number of objects in the images.
    public var count: Int
    /// Largest number of clicks that an object got.
    public var mostClicks: Int
    /// Mean number of clicks until Dice is at least ``goodDice``; an object that never reaches it
    /// counts ``mostClicks``.
    public var clicksToGood: Double
    /// Share of the objects that reach ``goodDice``.
    public var good: Double
    /// Share of all foreground points that are inside the mask, over all steps.
    public var obeyedPoints: Double?
    /// Share of all background points that are outside the mask, over all steps.
    public var obeyedBackgroundPoints: Double?

    /// The Dice of a good mask.
    public static let goodDice = 0.85
}

extension [EvaluatedCase] {
    /// Clicks and obedience of each dataset and class, of the cases with corrections.
    ///
    /// - Returns: rows; none where nothing was corrected.
    public func interactions() -> [InteractionRow] {
        let steps = compactMap { one -> (clicks: Int, one: EvaluatedCase)? in
            guard case .corrections(let count)? = one.prompt, one.labelArea > 0 else { return nil }
            return (count + 1, one)
        }
        guard let most = steps.map(\.clicks).max(), most > 1 else { return [] }
        return groups.compactMap { group in
            let members = steps.filter { group.contains($0.one) }
            let objects = Dictionary(grouping: members) { $0.one.id }.values.map { steps in
                steps.filter { $0.one[.dice] ?? 0 >= InteractionRow.goodDice }.map(\.clicks).min()
            }
            guard !objects.isEmpty else { return nil }
            let total = objects.reduce(0) { $0 + ($1 ?? most) }
            func share(_ given: (EvaluatedCase) -> Int, _ obeyed: (EvaluatedCase) -> Int?)
                -> Double?
            {
                let all = members.reduce(0) { $0 + given($1.one) }
                let right = members.reduce(0) { $0 + (obeyed($1.one) ?? 0) }
                return all == 0 ? nil : Double(right) / Double(all)
            }
            return InteractionRow(
                dataset: group.dataset, label: group.label, count: objects.count, mostClicks: most,
                clicksToGood: Double(total) / Double(objects.count),
                good: Double(objects.count { $0 != nil }) / Double(objects.count),
                obeyedPoints: share({ $0.points.count }, \.obeyedPoints),
                obeyedBackgroundPoints: share(
                    { $0.backgroundPoints.count }, \.obeyedBackgroundPoints))
        }
    }
}
