import Imaging
import Metrics
import Ultrasound

/// One object under one ``Variant``: a number for each metric.
struct Score {
    let id: String
    let dataset: String
    let label: Int
    let classes: Int
    let patient: String?
    let unit: LengthUnit
    /// Of the picture's pixels, where lengths are in mm.
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

    /// Cases of one cluster are not independent: the patient where it is known, else the picture.
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
