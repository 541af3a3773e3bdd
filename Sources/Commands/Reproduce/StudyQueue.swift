import Evaluation
import FileIO
import Foundation
import Studies

/// Runs the jobs of a study one after the other; several processes can share the folder.
///
/// A job is locked while it runs, and its record is written before the lock is released. A process
/// takes every job that is neither done nor locked, and whose training is done.
struct StudyQueue {
    /// What is left after a pass over all jobs.
    struct Rest: Equatable {
        var failed: [String] = []
        /// Jobs that other processes run, and those that wait for them.
        var elsewhere = 0
    }

    let plan: StudyPlan
    let folder: StudyFolder
    let shard: Shard?
    let threads: Int?

    private static let program = "samus \(ProgramVersion.current)"

    /// Whether a job belongs to this process.
    func isOwn(_ job: StudyJob) -> Bool { shard?.contains(job.shardKey) ?? true }

    /// Makes the folders of the study.
    ///
    /// - Throws: ``ExitError``.
    func makeFolders() throws {
        try OutputFolder(folder.path).make(
            subfolders: folder.subfolders.map { URL(fileURLWithPath: $0) })
    }

    /// Runs all own jobs that can be run.
    ///
    /// - Returns: what failed, and what others run.
    /// - Throws: ``ExitError`` when the user interrupted the study, or records cannot be written.
    func run() throws -> Rest {
        let interruption = Interruption(finishing: "the current step of the job")
        let own = plan.jobs.filter(isOwn)
        var rest = Rest()
        var hasRun = true
        // Another process may have finished a training in the meantime.
        while hasRun {
            hasRun = false
            rest.elsewhere = 0
            for (number, job) in own.enumerated() where !rest.failed.contains(job.title) {
                guard !interruption.isRequested else { throw interrupted() }
                switch try start(job, "[\(number + 1)/\(own.count)]", interruption, rest.failed) {
                case .done(let ran): hasRun = hasRun || ran
                case .failed: rest.failed.append(job.title)
                case .elsewhere: rest.elsewhere += 1
                }
            }
        }
        return rest
    }

    private enum Step {
        /// Done now, or before.
        case done(ran: Bool)
        case failed
        case elsewhere
    }

    private func start(
        _ job: StudyJob, _ place: String, _ interruption: Interruption, _ failed: [String]
    ) throws -> Step {
        if try isDone(job) { return .done(ran: false) }
        if case .evaluation(let training?) = job.kind, let training = plan.job(training),
            try !isDone(training)
        {
            guard !failed.contains(training.title) else { return .failed }
            return .elsewhere
        }
        let lock: FileLock
        do throws(FileLockError) {
            lock = try FileLock(folder.lock(of: job))
        } catch {
            guard case .held = error else { throw ExitError(.output, "\(error)") }
            return .elsewhere
        }
        // Another process may have finished it before this one had the lock.
        if try isDone(job) { return .done(ran: false) }
        return try run(job, place, interruption, holding: lock)
            ? .done(ran: true) : .failed
    }

    private func isDone(_ job: StudyJob) throws -> Bool {
        try withExitStatus(.input) { try folder.isDone(job) }
    }

    /// Runs one job.
    ///
    /// - Returns: whether it is done.
    /// - Throws: ``ExitError`` when the user interrupted it, or its record cannot be written.
    private func run(
        _ job: StudyJob, _ place: String, _ interruption: Interruption, holding lock: FileLock
    ) throws -> Bool {
        guard
            let arguments = folder.arguments(
                of: job, root: plan.inputs.root, threads: threads)
        else {
            Terminal.log("\(place) \(job.title): its training has no weights")
            return false
        }
        Terminal.log("\(place) \(job.title)")
        let former = try withExitStatus(.input) { try folder.read(job) }
        let child = ChildProgram(
            executable: ProgramLocation.folder.appendingPathComponent("samus").path,
            arguments: arguments, log: folder.log(of: job), lock: lock)
        var progress = JobProgress(log: folder.log(of: job))
        let outcome = try child.run {
            progress.show()
            return interruption.isRequested
        }
        progress.clear()
        let isInterrupted = interruption.isRequested && outcome.code != 0
        let record = JobRecord(
            title: job.title, hash: job.hash, arguments: arguments, program: Self.program,
            machine: Machine.current().title, starts: (former?.starts ?? 0) + 1,
            seconds: (former?.seconds ?? 0) + outcome.seconds,
            peakMemory: max(former?.peakMemory ?? 0, outcome.peakMemory),
            weights: try withExitStatus(.input) { try folder.weightsHash(of: job) },
            end: outcome.code == 0 ? .done : isInterrupted ? .interrupted : .failed,
            exitCode: outcome.code)
        try withExitStatus(.output) { try folder.write(record, of: job) }
        if isInterrupted { throw interrupted() }
        guard outcome.code == 0 else {
            Terminal.log(
                "failed: \(job.title), exit code \(outcome.code): "
                    + "\(progress.lastLine ?? "no output"); see \(folder.log(of: job))")
            return false
        }
        let memory = Int(Double(outcome.peakMemory) / 1e6)
        Terminal.log("    done in \(JobProgress.time(outcome.seconds)), \(memory) MB")
        return true
    }

    private func interrupted() -> ExitError {
        ExitError(.interrupted, "interrupted; the same command continues the study")
    }
}

/// The last line of a job's output, shown while it runs.
struct JobProgress {
    private static let logInterval = Duration.seconds(30)
    private static let drawInterval = Duration.seconds(1)
    private static let tail: UInt64 = 4096

    let log: String
    private let start = ContinuousClock.now
    private var last = ContinuousClock.now
    private var isShown = false

    /// - Parameter log: the output of the job.
    init(log: String) {
        self.log = log
    }

    /// Shows the time and the last line: each second on a terminal, elsewhere every 30 seconds.
    mutating func show() {
        let now = ContinuousClock.now
        let isInteractive = Terminal.isInteractive
        guard now - last >= (isInteractive ? Self.drawInterval : Self.logInterval) else { return }
        last = now
        let line = "    \(Self.time((now - start).inSeconds))  \(lastLine ?? "")"
        guard isInteractive else { return Terminal.log(line) }
        Terminal.write("\r\u{1B}[K" + line.visibleLine.prefix(100))
        isShown = true
    }

    /// Removes the line from the terminal.
    mutating func clear() {
        guard isShown else { return }
        Terminal.write("\r\u{1B}[K")
        isShown = false
    }

    /// The last line of the output; nil where there is none.
    var lastLine: String? {
        guard let file = FileHandle(forReadingAtPath: log), let size = try? file.seekToEnd() else {
            return nil
        }
        defer { try? file.close() }
        try? file.seek(toOffset: size > Self.tail ? size - Self.tail : 0)
        let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).last.map { String($0.prefix(160)) }
    }

    /// `45 s`, `12 min`, `3 h 05 min`.
    static func time(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        if whole < 120 { return "\(whole) s" }
        let minutes = (whole + 30) / 60
        guard minutes >= 120 else { return "\(minutes) min" }
        return "\(minutes / 60) h \(minutes % 60 < 10 ? "0" : "")\(minutes % 60) min"
    }
}
