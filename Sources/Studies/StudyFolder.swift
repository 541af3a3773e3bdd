import FileIO
import Foundation

/// How a job ended: a file of the study's folder.
public struct JobRecord: Codable, Equatable, Sendable {
    /// How a job can end.
    public enum End: String, Codable, Sendable { case done, failed, interrupted }

    /// What it was.
    public var title: String
    /// The job's hash.
    public var hash: String
    /// The arguments of `samus` of the last start.
    public var arguments: [String]
    /// Program and version.
    public var program: String
    /// The computer.
    public var machine: String
    /// How often it was started.
    public var starts: Int
    /// Seconds over all starts.
    public var seconds: Double
    /// Peak memory in bytes over all starts; nil where none was measured.
    public var peakMemory: Int?
    /// SHA-256 of the weights that a training gave, or that an evaluation measured.
    public var weights: String?
    /// How it ended.
    public var end: End
    /// The exit code of the last start; 128 and the signal's number for a signal.
    public var exitCode: Int

    /// - Parameters:
    ///   - title: what it was.
    ///   - hash: the job's hash.
    ///   - arguments: the arguments of `samus`.
    ///   - program: program and version.
    ///   - machine: the computer.
    ///   - starts: how often it was started.
    ///   - seconds: seconds over all starts.
    ///   - peakMemory: peak memory in bytes.
    ///   - weights: SHA-256 of the weights that it gave or measured.
    ///   - end: how it ended.
    ///   - exitCode: the exit code.
    public init(
        title: String, hash: String, arguments: [String], program: String, machine: String,
        starts: Int, seconds: Double, peakMemory: Int?, weights: String? = nil, end: End,
        exitCode: Int
    ) {
        (self.title, self.hash, self.arguments) = (title, hash, arguments)
        (self.program, self.machine, self.starts) = (program, machine, starts)
        (self.seconds, self.peakMemory, self.end) = (seconds, peakMemory, end)
        self.weights = weights
        self.exitCode = exitCode
    }
}

/// The folder of a study: records, locks, logs, trainings and evaluations of its jobs.
///
/// Several processes, also of several machines, can use one folder.
public struct StudyFolder: Sendable {
    private static let recordLimit = 1 << 20

    /// The path.
    public let path: String

    /// - Parameter path: a folder that need not exist yet.
    public init(_ path: String) {
        self.path = path
    }

    /// The folders that jobs need.
    public var subfolders: [String] {
        ["jobs", "logs", "train", "evaluate"].map { "\(path)/\($0)" }
    }

    /// The results.
    public var results: String { "\(path)/results" }

    /// The file of a record by the identifier of its job.
    func record(_ id: String) -> String { "\(path)/jobs/\(id).json" }

    /// The lock of a job.
    public func lock(of job: StudyJob) -> String { "\(path)/jobs/\(job.id).lock" }

    /// The output of a job's process.
    public func log(of job: StudyJob) -> String { "\(path)/logs/\(job.id).log" }

    /// The folder of a job's result: a run folder, or the folder of a report.
    public func product(of job: StudyJob) -> String { product(job.id, isTraining: job.isTraining) }

    private func product(_ id: String, isTraining: Bool) -> String {
        "\(path)/\(isTraining ? "train" : "evaluate")/\(id)"
    }

    /// The report of an evaluation.
    public func report(of evaluation: String) -> String {
        product(evaluation, isTraining: false) + "/report.json"
    }

    /// The masks of an evaluation.
    public func masks(of evaluation: String) -> String {
        product(evaluation, isTraining: false) + "/masks.json"
    }

    /// The weights of a training: the best of the validations, or the last without one.
    ///
    /// - Parameter training: the job's identifier.
    /// - Returns: the path; nil where there are none.
    public func weights(of training: String) -> String? {
        ["best", "last"].map { product(training, isTraining: true) + "/weights/\($0).safetensors" }
            .first(where: FileManager.default.fileExists(atPath:))
    }

    /// The record of a job.
    ///
    /// - Returns: nil where it has not ended yet.
    /// - Throws: ``StudyError/badRecord(path:reason:)``.
    public func read(_ job: StudyJob) throws(StudyError) -> JobRecord? { try read(job.id) }

    private func read(_ id: String) throws(StudyError) -> JobRecord? {
        let file = record(id)
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            let bytes = try RegularFile.read(file, limit: Self.recordLimit)
            return try JSON.decode(JobRecord.self, from: bytes)
        } catch {
            throw .badRecord(
                path: file, reason: (error as? FileReadError)?.reason ?? "\(error)")
        }
    }

    /// Writes the record of a job atomically.
    ///
    /// - Throws: `FileError`.
    public func write(_ record: JobRecord, of job: StudyJob) throws {
        try AtomicFile.write(
            JSON.encode(record, formatVersion: 1, style: .indented), to: self.record(job.id))
    }

    /// Whether a job is done, and its result is still there.
    ///
    /// An evaluation is not, when its training was repeated since: that may give other weights.
    ///
    /// - Throws: ``StudyError/badRecord(path:reason:)``.
    public func isDone(_ job: StudyJob) throws(StudyError) -> Bool {
        guard let record = try read(job), record.end == .done, record.hash == job.hash else {
            return false
        }
        guard case .evaluation(let training) = job.kind else { return weights(of: job.id) != nil }
        let measured = try training.map { id throws(StudyError) in try read(id)?.weights } ?? nil
        return (training == nil || measured == record.weights)
            && FileManager.default.fileExists(atPath: report(of: job.id))
    }

    /// The minutes of training that a run has had, over all its starts.
    ///
    /// - Parameter job: a training.
    /// - Returns: 0 where nothing was trained.
    public func trainedMinutes(_ job: StudyJob) -> Double {
        struct Summary: Decodable { var seconds: Double }
        let folder = product(of: job)
        let summary = (try? RegularFile.read("\(folder)/summary.json", limit: Self.recordLimit))
            .flatMap { try? JSON.decode(Summary.self, from: $0) }
        // After a kill, the table is newer than the summary.
        let rows = (try? RegularFile.text("\(folder)/results.csv", limit: 16 << 20)).map(CSV.rows)
        let column = rows?.first?.firstIndex(of: "time")
        let last = rows?.last.flatMap { row in
            column.flatMap { $0 < row.count ? Double(row[$0]) : nil }
        }
        let seconds = max(summary?.seconds ?? 0, last ?? 0)
        return seconds.isFinite ? seconds / 60 : 0
    }

    /// SHA-256 of the weights that a job gives or measures.
    ///
    /// - Returns: nil where there are none, and for models that are not trained in the study.
    /// - Throws: `FileReadError`.
    public func weightsHash(of job: StudyJob) throws(FileReadError) -> String? {
        let training: String?
        switch job.kind {
        case .training: training = job.id
        case .evaluation(let id): training = id
        }
        guard let file = training.flatMap(weights(of:)) else { return nil }
        return try RegularFile(file).sha256()
    }

    /// The complete arguments of `samus` for a job.
    ///
    /// - Parameters:
    ///   - job: the job.
    ///   - root: the folder of all datasets.
    ///   - threads: CPU threads; nil for all cores.
    /// - Returns: the arguments; nil where the training of an evaluation has no weights.
    public func arguments(of job: StudyJob, root: String, threads: Int?) -> [String]? {
        var arguments = job.arguments + ["--data", root]
        if let threads { arguments += ["--threads", "\(threads)"] }
        switch job.kind {
        case .training(let minutes):
            arguments += ["--project", "\(path)/train", "--name", job.id, "--continue"]
            if let minutes {
                let left = max(minutes - trainedMinutes(job), 0.01)
                arguments += ["--time-limit", left.fixed(3)]
            }
        case .evaluation(let training):
            if let training {
                guard let weights = weights(of: training) else { return nil }
                arguments += ["--model", weights]
            }
            // Of a process that was killed, or of other threads.
            arguments += ["--output", product(of: job), "--force"]
        }
        return arguments
    }
}
