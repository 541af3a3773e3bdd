import Datasets
import Imaging
import Metrics

/// One object under one ``Variant``: a number for each metric.
struct Score {
    let id: String
    let dataset: String
    let label: Int
    let classes: Int
    let patient: String?
    let unit: LengthUnit
    /// Of the image's pixels, where lengths are in mm.
    let spacing: PixelSpacing?
    let values: [MaskMetric: Double]

    /// Scores of all objects.
    ///
    /// - Parameters:
    ///   - cases: of any prompts.
    ///   - variant: which of them, and what becomes of several masks of one object.
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

    /// Cases of one cluster are not independent: the patient where it is known, else the image.
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
    /// - Parameter scores: of one set.
    /// - Returns: one for each patient and unit, in the order of their first cases; nil where a
    ///   patient is not known.
    static func byPatient(_ scores: [Score]) -> [Score]? {
        var order: [String] = []
        var groups: [String: [Score]] = [:]
        for score in scores {
            guard let patient = score.patient else { return nil }
            // Names of patients mean nothing outside their set.
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
    /// What is counted.
    public enum Basis: String, Codable, Sendable {
        /// Each object of each image.
        case cases
        /// Each patient: the mean over the patient's cases first.
        case patients
        /// Each object that is in the image and has a mask: the contour's quality by itself.
        case foundCases = "found_cases"
    }

    /// How masks were asked for.
    public var variant: Variant
    /// Whether the label told the model where the object is; nil where that is not known.
    public var isPrompted: Bool?
    /// The data set; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// What is counted.
    public var basis: Basis
    /// What is measured.
    public var metric: MaskMetric
    /// In what, where that matters; values of another unit stand in a row of their own.
    public var unit: LengthUnit?
    /// The figures.
    public var figures: Figures
}

extension [EvaluatedCase] {
    /// Figures of each prompt, set and class, by cases and by patients, for each metric.
    ///
    /// - Parameter seed: of the bootstrap.
    /// - Returns: rows in the order of prompts, sets and classes.
    public func summaries(seed: UInt64) -> [SummaryRow] {
        prompts.flatMap { prompt in
            Variant.all(of: prompt).flatMap { variant in
                let scores = Score.all(of: self, as: variant)
                let found = Score.all(of: filter { $0.presence == .found }, as: variant)
                return groups.flatMap { group -> [SummaryRow] in
                    let members = scores.filter(group.contains)
                    let patients = Score.byPatient(members) ?? []
                    return rows(variant, group, .cases, members, seed)
                        + rows(variant, group, .patients, patients, seed)
                        + rows(variant, group, .foundCases, found.filter(group.contains), seed)
                }
            }
        }
    }

    /// The prompts in the order of their first cases.
    var prompts: [PromptStrategy?] { uniqued(map(\.prompt)) }

    /// All sets together where there are several; each set; each class where there are several.
    var groups: [ScoreGroup] {
        let sets = uniqued(map(\.dataset))
        let all = sets.count > 1 ? [ScoreGroup(dataset: nil, label: nil)] : []
        return all
            + sets.flatMap { set in
                let members = filter { $0.dataset == set }
                let labels = (members.first?.classes ?? 2) > 2 ? uniqued(members.map(\.label)) : []
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
                return Figures(values, clusters: measured.map(\.cluster), seed: seed).map {
                    SummaryRow(
                        variant: variant, isPrompted: variant.prompt?.usesLabel,
                        dataset: group.dataset, label: group.label, basis: basis, metric: metric,
                        unit: unit, figures: $0)
                }
            }
        }
    }
}

/// Cases that stand in one row.
struct ScoreGroup: Hashable {
    let dataset: String?
    let label: Int?

    func contains(_ score: Score) -> Bool {
        (dataset == nil || dataset == score.dataset) && (label == nil || label == score.label)
    }

    func contains(_ one: EvaluatedCase) -> Bool {
        (dataset == nil || dataset == one.dataset) && (label == nil || label == one.label)
    }

    /// As tables call it.
    var title: String {
        (dataset ?? "all sets") + (label.map { ", class \($0)" } ?? "")
    }
}

/// Each value once, in the order of the first ones.
func uniqued<Value: Hashable>(_ values: [Value]) -> [Value] {
    var seen: Set<Value> = []
    return values.filter { seen.insert($0).inserted }
}

/// How well a model's own estimate of the overlap agrees with the overlap, IoU, for one prompt.
public struct CalibrationRow: Codable, Equatable, Sendable {
    /// How masks were asked for; nil where they come from files.
    public var prompt: PromptStrategy?
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

/// How often masks say rightly whether an object is in the image.
public struct PresenceRow: Codable, Equatable, Sendable {
    /// How masks were asked for; nil where they come from files.
    public var prompt: PromptStrategy?
    /// The data set; nil for all of them together.
    public var dataset: String?
    /// The class; nil for all of them together.
    public var label: Int?
    /// Masks of objects that are there.
    public var found: Int
    /// Empty masks of objects that are there: false negatives.
    public var missed: Int
    /// Masks of objects that are not there: false positives.
    public var invented: Int
    /// Empty masks of objects that are not there.
    public var absent: Int
}

extension [EvaluatedCase] {
    /// Presence by prompt, set and class; each of several clicks counts.
    ///
    /// - Returns: rows in the order of `summaries(seed:)`.
    public func presence() -> [PresenceRow] {
        prompts.flatMap { prompt in
            groups.map { group in
                let members = filter { $0.prompt == prompt && group.contains($0) }
                func count(_ presence: Presence) -> Int {
                    members.count { $0.presence == presence }
                }
                return PresenceRow(
                    prompt: prompt, dataset: group.dataset, label: group.label,
                    found: count(.found), missed: count(.missed), invented: count(.invented),
                    absent: count(.absent))
            }
        }
    }
}

/// What there is to say about a list of numbers.
public struct Figures: Codable, Equatable, Sendable {
    /// How many.
    public var count: Int
    /// Their mean.
    public var mean: Double
    /// Standard deviation, divided by one less than their number; 0 for a single one.
    public var deviation: Double
    /// Their median.
    public var median: Double
    /// Lower end of the 95 % percentile bootstrap interval of the mean.
    public var low: Double
    /// Its upper end.
    public var high: Double
}

extension Figures {
    /// - Parameters:
    ///   - values: finite numbers; nil comes back where there are none.
    ///   - clusters: one name a value: the bootstrap draws values of one name together. Nil draws
    ///     each by itself.
    ///   - seed: of the bootstrap.
    public init?(_ values: [Double], clusters: [String]? = nil, seed: UInt64) {
        guard !values.isEmpty else { return nil }
        let (summary, interval) = ofFinite { () throws(MetricsError) in
            (try Summary(values), try Bootstrap(seed: seed).mean(of: values, clusters: clusters))
        }
        self.init(
            count: summary.count, mean: summary.mean, deviation: summary.deviation,
            median: summary.median, low: interval.low, high: interval.high)
    }
}

/// Statistics of values that are there and finite, as every metric of masks is.
func ofFinite<Result>(_ statistics: () throws(MetricsError) -> Result) -> Result {
    do throws(MetricsError) {
        return try statistics()
    } catch {
        preconditionFailure("figures of cases: \(error)")
    }
}
