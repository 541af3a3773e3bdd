import Datasets
import Evaluation
import FileIO
import Foundation
import MaskMetrics

/// A row of the tables: a system with one kind of prompt.
public struct StudyRow: Hashable, Sendable {
    /// The network or model.
    public var system: StudySystem
    /// How it was prompted.
    public var prompt: PromptStrategy?

    /// Whether the prompt was made from the label.
    var isPrompted: Bool { prompt?.usesLabel != false }

    /// `no prompt`, `box`, `mean of 5 random clicks`.
    var promptTitle: String {
        let isSeveral = (prompt?.promptCount ?? 1) > 1
        return Variant(prompt: prompt, reduction: isSeveral ? .mean : .single).title
    }

    /// `U-Net, no prompt`.
    var title: String { "\(system.name), \(promptTitle)" }
}

/// One object, measured in one evaluation: a mean over the masks of several prompts.
struct StudyCase {
    var id: String
    var dataset: String
    var name: String
    var label: Int
    var patient: String?
    var prompt: PromptStrategy?
    var unit: LengthUnit
    var values: [MaskMetric: Double]

    /// The patient, or the image where the patient is unknown: its cases are not independent.
    var cluster: String { "\(dataset)/\(patient ?? name)" }
}

/// The part of a report that the results need.
struct StudyReport {
    var dataHash: String
    var machine: String
    var program: String
    var parameters: Int?
    /// Seconds to encode an image and to make one mask; nil for baselines.
    var secondsPerImage: Double?
    var cases: [StudyCase]

    /// - Parameter path: a `report.json`.
    /// - Throws: `EvaluationError` when it cannot be read or is not complete.
    init(_ path: String) throws(EvaluationError) {
        let report = try EvaluationReport.read(path)
        guard report.isComplete, report.failures.isEmpty else {
            throw .unreadable(path: path, reason: "it is not complete")
        }
        dataHash = report.data.hash
        machine = report.machine
        program = report.program
        parameters = report.source.model?.network?.parameters
        secondsPerImage = report.speed.map { $0.encodeSeconds + $0.maskSeconds }
        var order: [String] = []
        var groups: [String: [EvaluatedCase]] = [:]
        for one in report.cases {
            let key = "\(one.id) \(one.prompt?.description ?? "")"
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(one)
        }
        cases = order.compactMap { groups[$0].flatMap(StudyCase.init) }
    }
}

extension StudyCase {
    /// The mean over the masks of one object; nil where there is none.
    fileprivate init?(_ masks: [EvaluatedCase]) {
        guard let first = masks.first else { return nil }
        (id, dataset, name, label) = (first.id, first.dataset, first.name, first.label)
        (patient, prompt, unit) = (first.patient, first.prompt, first.unit)
        values = [:]
        for metric in MaskMetric.allCases {
            let found = masks.compactMap { $0[metric] }
            if !found.isEmpty { values[metric] = found.reduce(0, +) / Double(found.count) }
        }
    }
}

/// The results of one system on one task.
struct StudyCell {
    /// The cases, each the mean over the seeds.
    var cases: [StudyCase]
    /// The mean of the first metric for each seed.
    var seedMeans: [MaskMetric: [Double]]

    /// - Parameter seeds: the cases of each seed.
    init(_ seeds: [[StudyCase]]) {
        seedMeans = [:]
        for metric in MaskMetric.allCases {
            seedMeans[metric] = seeds.map { cases in
                let values = cases.compactMap { $0.values[metric] }
                return values.reduce(0, +) / Double(max(values.count, 1))
            }
        }
        guard seeds.count > 1, let first = seeds.first else {
            cases = seeds.first ?? []
            return
        }
        let others = seeds.dropFirst().map { cases in
            Dictionary(cases.map { ($0.id, $0) }) { one, _ in one }
        }
        cases = first.map { one in
            let same = [one] + others.compactMap { $0[one.id] }
            var mean = one
            for metric in one.values.keys {
                let values = same.compactMap { $0.values[metric] }
                mean.values[metric] = values.reduce(0, +) / Double(values.count)
            }
            return mean
        }
    }

    /// The unit that most cases have.
    var unit: LengthUnit {
        let millimetres = cases.count { $0.unit == .millimetres }
        return 2 * millimetres > cases.count ? .millimetres : .pixels
    }

    /// The cases that have a metric, in one unit.
    func cases(with metric: MaskMetric) -> [StudyCase] {
        cases.filter {
            $0.values[metric] != nil && (!metric.isLength || $0.unit == unit)
        }
    }

    /// The mean of a metric over the cases of each patient.
    func clusterMeans(_ metric: MaskMetric) -> [String: Double] {
        Dictionary(grouping: cases(with: metric), by: \.cluster).mapValues { members in
            members.reduce(0) { $0 + ($1.values[metric] ?? 0) } / Double(members.count)
        }
    }
}

extension MaskMetric {
    /// Whether it has the unit of the case.
    var isLength: Bool { unit == .length || self == .surfaceDice }

    /// Whether larger values are better.
    var isBetterLarge: Bool { unit == .share }
}

/// All evaluations of a study that are done.
public struct StudyScores {
    /// The plan.
    public let plan: StudyPlan
    private let reports: [String: StudyReport]

    /// Reads the reports of all evaluations that are done.
    ///
    /// - Parameters:
    ///   - plan: the jobs.
    ///   - folder: the study's folder.
    /// - Throws: ``StudyError``, or `EvaluationError` for a report that cannot be read.
    public init(_ plan: StudyPlan, in folder: StudyFolder) throws {
        self.plan = plan
        var reports: [String: StudyReport] = [:]
        var hashes: [String: String] = [:]
        for job in plan.jobs where !job.isTraining {
            guard try folder.isDone(job) else { continue }
            let path = folder.report(of: job.id)
            let report = try StudyReport(path)
            for dataset in report.cases.map(\.dataset).uniqued {
                guard hashes[dataset] == nil || hashes[dataset] == report.dataHash else {
                    throw EvaluationError.unreadable(
                        path: path, reason: "its images of \(dataset) are not those of the others")
                }
                hashes[dataset] = report.dataHash
            }
            reports[job.id] = report
        }
        guard !reports.isEmpty else { throw StudyError.nothingDone }
        self.reports = reports
    }

    /// The computers that evaluated.
    var machines: [String] { reports.values.map(\.machine).uniqued.sorted() }

    /// The programs that evaluated.
    var programs: [String] { reports.values.map(\.program).uniqued.sorted() }

    /// The report of an evaluation; nil where it is not done.
    func report(_ evaluation: String) -> StudyReport? { reports[evaluation] }

    /// The rows of a protocol, in the order of the study, models that are not trained last.
    func rows(of kind: StudyProtocol) -> [StudyRow] {
        let entries = plan.entries.filter { $0.kind == kind }
        let systems = (entries.filter(\.system.isTrained) + entries).map(\.system).uniqued
        return systems.flatMap { system in
            let evaluations = entries.filter { $0.system == system }.map(\.evaluation).uniqued
            return evaluations.compactMap { reports[$0] }.flatMap { $0.cases.map(\.prompt) }
                .uniqued.map { StudyRow(system: system, prompt: $0) }
        }
    }

    /// The tasks of a protocol.
    func tasks(of kind: StudyProtocol) -> [StudyTask] {
        let tested = Set(plan.entries.filter { $0.kind == kind }.map(\.task))
        return plan.inputs.tasks.filter(tested.contains)
    }

    /// The results of a row on a task.
    ///
    /// - Parameters:
    ///   - kind: the protocol.
    ///   - row: the row.
    ///   - task: the column.
    ///   - fraction: the fraction of the training images; nil for the study's largest.
    /// - Returns: nil where not every seed is done.
    func cell(
        _ kind: StudyProtocol, _ row: StudyRow, _ task: StudyTask, fraction: Double? = nil
    ) -> StudyCell? {
        let fraction = fraction ?? plan.study.training.fractions.max()
        let entries = plan.entries.filter {
            $0.kind == kind && $0.system == row.system && $0.task == task
                && ($0.fraction == nil || $0.fraction == fraction)
        }
        let seeds = entries.compactMap { entry in
            reports[entry.evaluation]?.cases.filter {
                $0.prompt == row.prompt && $0.dataset == task.dataset && $0.label == task.label
            }
        }
        guard !entries.isEmpty, seeds.count == entries.count, seeds.allSatisfy({ !$0.isEmpty })
        else { return nil }
        return StudyCell(seeds)
    }
}
