import Metrics
import Ultrasound

/// A metric over a group of cases: one line of the tables.
public struct SummaryRow: Codable, Equatable, Sendable {
    /// What is counted.
    public enum Basis: String, Codable, Sendable {
        /// Each object of each picture.
        case cases
        /// Each patient: the mean over the patient's cases first.
        case patients
        /// Each object that is in the picture and has a mask: the contour's quality by itself.
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
    var prompts: [LabelPrompt?] { uniqued(map(\.prompt)) }

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
                        variant: variant, isPrompted: variant.prompt?.isPrompted,
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
