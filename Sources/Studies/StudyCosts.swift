import FileIO
import Foundation
import Inference
import MaskMetrics

/// What a system of a study costs on the computers that ran it.
struct StudyCosts {
    var system: StudySystem
    var parameters: Int?
    /// Multiply-add operations for one image in 10^9.
    var gmac: Double?
    /// Minutes of one training; nil for systems that are not trained.
    var trainingMinutes: Double?
    /// Peak memory of a training in bytes.
    var trainingMemory: Int?
    /// Peak memory of an evaluation in bytes.
    var memory: Int?
    /// Seconds to encode an image and make one mask: the median of the evaluations.
    var secondsPerImage: Double?

    /// The costs of every system of a study.
    ///
    /// - Parameters:
    ///   - scores: the evaluations that are done.
    ///   - folder: the study's folder.
    /// - Returns: the systems that are evaluated, trained ones first.
    /// - Throws: ``StudyError/badRecord(path:reason:)``.
    static func all(_ scores: StudyScores, in folder: StudyFolder) throws(StudyError)
        -> [StudyCosts]
    {
        let plan = scores.plan
        var costs: [StudyCosts] = []
        for system in (plan.entries.filter(\.system.isTrained) + plan.entries).map(\.system).uniqued
        {
            let entries = plan.entries.filter { $0.system == system }
            let reports = entries.map(\.evaluation).uniqued.compactMap(scores.report)
            guard !reports.isEmpty else { continue }
            let trainings = try records(entries.compactMap(\.training).uniqued, plan, folder)
            let evaluations = try records(entries.map(\.evaluation).uniqued, plan, folder)
            let minutes = trainings.map { $0.seconds / 60 }
            costs.append(
                StudyCosts(
                    system: system, parameters: reports.compactMap(\.parameters).first,
                    gmac: system.gmac ?? bundleGMAC(system, plan.study),
                    trainingMinutes: minutes.isEmpty
                        ? nil : minutes.reduce(0, +) / Double(minutes.count),
                    trainingMemory: trainings.compactMap(\.peakMemory).max(),
                    memory: evaluations.compactMap(\.peakMemory).max(),
                    secondsPerImage: (try? Summary(reports.compactMap(\.secondsPerImage)))?.median))
        }
        return costs
    }

    private static func records(
        _ ids: [String], _ plan: StudyPlan, _ folder: StudyFolder
    ) throws(StudyError) -> [JobRecord] {
        var records: [JobRecord] = []
        for job in ids.compactMap(plan.job) {
            if let record = try folder.read(job), record.end == .done { records.append(record) }
        }
        return records
    }

    /// The operations that the bundle of a model states.
    private static func bundleGMAC(_ system: StudySystem, _ study: Study) -> Double? {
        guard let model = study.models.first(where: { $0.name == system.name }),
            let path = ModelCatalog.bundle(of: model.model),
            let macs = (try? ModelBundle(URL(fileURLWithPath: path)))?.manifest.macs
        else { return nil }
        return Double(macs) / 1e9
    }
}
