import Datasets
import FileIO
import Foundation
import Segmentation
import Synchronization

/// Trains the served model on the accepted masks, in other processes: `samus data split`, `samus train`,
/// `samus export`, and `samus evaluate` of the former and the new model.
///
/// Everything lies in `samus-results/training` of the served folder. One training runs at a time, also
/// where several servers serve one folder: its processes hold a lock until they end.
final class Trainer: Sendable {
    /// The program that trains, and what it starts from.
    struct Program: Sendable {
        /// `samus`, with `samus-train` beside it.
        let path: String
        /// Name or path of the served model.
        let model: String
    }

    /// How many accepted images a training needs.
    static let minimumImages = 10
    private static let dataset = AnnotationStore.dataset
    /// Longest output of a program that is read.
    private static let maximumLog = 1 << 20

    /// What is stored about a training, so that a restarted server knows it.
    private struct Record: Codable {
        var formatVersion = 1
        var state: TrainingStatus.State
        var options: TrainingOptions
        /// The name of the bundle that is made.
        var bundle: String
        var images: Int?
        var validationImages: Int?
        var failure: [String]?
        var model: TrainingStatus.Model?
        var comparison: TrainingStatus.Comparison?
    }

    private struct State {
        var record: Record?
        /// Whether this server runs the training.
        var isOwn = false
        /// Held while this server trains.
        var lock: FileLock?
        var isStopping = false
        var process: pid_t?
        var served = TrainingStatus.Served.original
    }

    private struct Failure: Error {
        let lines: [String]
    }

    private let root: String
    private let folder: String
    private let program: Program?
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "samus.training", qos: .utility)

    /// - Parameters:
    ///   - root: the served folder.
    ///   - program: nil where this machine cannot train.
    init(root: String, program: Program?) {
        self.root = root
        folder = "\(root)/samus-results/training"
        self.program = program
        readRecord()
    }

    /// Takes what another server of this folder has stored, unless this one trains.
    private func readRecord() {
        let stored = try? RegularFile.read("\(folder)/training.json", limit: 1 << 20)
        guard let record = stored.flatMap({ try? JSON.decode(Record.self, from: $0) }) else {
            return
        }
        state.withLock { if !$0.isOwn { $0.record = record } }
    }

    // MARK: Status

    /// Reads what is known now.
    ///
    /// - Parameter accepted: number of accepted images.
    /// - Returns: the status.
    func status(accepted: Int) -> TrainingStatus {
        readRecord()
        let (record, isOwn, served) = state.withLock { ($0.record, $0.isOwn, $0.served) }
        var status = TrainingStatus()
        status.accepted = accepted
        status.served = served
        if program == nil {
            status.refusal =
                "this machine has no samus-train: run 'make build' beside the server, or train "
                + "elsewhere with 'samus train --data FOLDER --sets \(Self.dataset) --from MODEL'"
        } else if accepted < Self.minimumImages {
            status.refusal =
                "\(counted(accepted, "image")) accepted; a training needs \(Self.minimumImages)"
        }
        guard let record else { return status }
        status.state = record.state
        if record.state.isActive, !isOwn {
            // Of another server, or of one that was killed.
            status.state = isLocked ? record.state : .stopped
        }
        if status.state.isActive { status.refusal = "a training runs" }
        (status.images, status.validationImages) = (record.images, record.validationImages)
        (status.failure, status.model) = (record.failure, record.model)
        (status.comparison, status.epochs) = (record.comparison, record.options.epochs)
        status.canResume = status.state == .stopped && hasState && program != nil
        // While it is prepared, the folder has the former run.
        if status.state != .preparing,
            let text = try? RegularFile.text("\(folder)/run/results.csv", limit: 16 << 20),
            let progress = TrainingProgress(table: text)
        {
            (status.epoch, status.loss, status.dice) =
                (progress.epoch, progress.loss, progress.bestDice)
            if status.state == .running {
                status.secondsLeft = progress.secondsLeft(
                    epochs: record.options.epochs, limit: 60 * Double(record.options.minutes))
            }
        }
        return status
    }

    /// The bundle that was trained.
    ///
    /// - Throws: ``RequestError`` where there is none.
    func bundle() throws(RequestError) -> String {
        readRecord()
        // The name was read from a file of the folder.
        guard let record = state.withLock({ $0.record }), record.model != nil,
            LabelFiles.isPlain(record.bundle)
        else {
            throw .notFound("no model was trained here")
        }
        return "\(folder)/\(record.bundle)"
    }

    /// Notes which model the server uses.
    func serves(_ served: TrainingStatus.Served) {
        state.withLock { $0.served = served }
    }

    private var lockPath: String { "\(folder)/lock" }
    private var isLocked: Bool {
        guard FileKind(lockPath) != nil else { return false }
        return (try? FileLock(lockPath)) == nil
    }
    private var hasState: Bool { FileKind("\(folder)/run/weights/state.safetensors") != nil }

    // MARK: Start and stop

    /// Starts a training, or goes on with a stopped one.
    ///
    /// - Parameters:
    ///   - options: what is trained; nil to go on.
    ///   - accepted: number of accepted images.
    /// - Throws: ``RequestError``.
    func start(
        _ options: TrainingOptions?, accepted: Int
    ) throws(RequestError) {
        let status = status(accepted: accepted)
        guard let program else {
            throw RequestError(.notImplemented, status.refusal ?? "training is not possible here")
        }
        guard !status.state.isActive else {
            throw RequestError(.conflict, "a training runs: stop it first")
        }
        if options == nil, !status.canResume {
            throw RequestError(.conflict, "there is no stopped training to go on with")
        }
        if options != nil, let refusal = status.refusal { throw .unprocessable(refusal) }
        let lock: FileLock
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            lock = try FileLock(lockPath)
        } catch FileLockError.held {
            throw RequestError(.conflict, "another server trains in this folder: wait for its end")
        } catch {
            ServerLog.failed("a training cannot be started", because: error)
            throw RequestError(
                .internalServerError, "the training cannot be written into the served folder")
        }
        // With the time: the bundle that is served is never replaced.
        let time = Date.now.formatted(.iso8601).filter { $0.isNumber || $0 == "T" }
        let isNew = state.withLock { state in
            guard !state.isOwn else { return false }
            state.isOwn = true
            state.lock = lock
            state.isStopping = false
            if let options {
                state.record = Record(
                    state: .preparing, options: options,
                    bundle: Self.bundleName(model: program.model, time: time))
            } else {
                state.record?.state = .running
                state.record?.failure = nil
            }
            return true
        }
        guard isNew else { throw RequestError(.conflict, "a training runs: stop it first") }
        let former = "\(program.model)"
        queue.async { [self] in
            do {
                try run(program, from: former, isNew: options != nil)
                end { $0.state = .finished }
            } catch {
                let isStopped = state.withLock { $0.isStopping }
                end { record in
                    record.state = isStopped ? .stopped : .failed
                    record.failure = isStopped ? nil : (error as? Failure)?.lines ?? ["\(error)"]
                }
                if !isStopped { ServerLog.failed("a training failed", because: error) }
            }
        }
    }

    /// The name of the bundle: of the name or path of the model, which may be any text, what a file's
    /// name may have.
    static func bundleName(model: String, time: String) -> String {
        let name = model.split(separator: "/").last ?? ""
        let stem = name.hasSuffix(".samus") ? name.dropLast(6) : name
        let plain = stem.prefix(60).map { letter in
            letter.isASCII && (letter.isLetter || letter.isNumber || "-_".contains(letter))
                ? letter : "_"
        }
        let isNamed = plain.first.map { $0.isLetter || $0.isNumber } ?? false
        return "\(isNamed ? "" : "model")\(String(plain))-accepted-\(time).samus"
    }

    /// Asks the running training to end; what it has learnt is kept.
    ///
    /// - Throws: ``RequestError`` where none runs.
    func stop() throws(RequestError) {
        let process = state.withLock { state -> pid_t?? in
            guard state.isOwn else { return nil }
            state.isStopping = true
            return .some(state.process)
        }
        guard let process else { throw .notFound("no training of this server runs") }
        if let process { kill(process, SIGINT) }
    }

    /// Ends the training with the server, and waits for it.
    func close() {
        guard (try? stop()) != nil else { return }
        let end = ContinuousClock.now + .seconds(10)
        while state.withLock({ $0.isOwn }) {
            if ContinuousClock.now > end, let process = state.withLock({ $0.process }) {
                kill(process, SIGKILL)
            }
            usleep(50_000)
        }
    }

    // MARK: The steps

    private func run(_ program: Program, from former: String, isNew: Bool) throws {
        let (record, lock) = state.withLock { ($0.record, $0.lock) }
        guard let record, let lock else { return }
        let (data, run) = ("\(folder)/data", "\(folder)/run")
        let half = "\(max(1, ProcessInfo.processInfo.activeProcessorCount / 2))"
        func call(_ arguments: String...) throws { try self.call(program, arguments, lock) }

        if isNew {
            for path in [data, run] { try? FileManager.default.removeItem(atPath: path) }
            let accepted = AcceptedDataset(root: root, name: Self.dataset)
            let count = try accepted.copy(to: data) { Self.patient(of: $0, in: accepted) }
            try call("data", "split", data, "--set", Self.dataset, "--val", "0.2", "--test", "0")
            let list = try RegularFile.text(
                "\(data)/MainPatient/val-\(Self.dataset).txt", limit: 64 << 20)
            let lines = list.split(whereSeparator: \.isNewline)
            let validation = Set(lines.map { $0.split(separator: "/").last ?? $0 }).count
            update { record in
                record.images = count - validation
                record.validationImages = validation
                record.state = .running
            }
            try call(
                "train", "--data", data, "--sets", Self.dataset, "--recipe",
                record.options.recipe.rawValue, "--from", former, "--epochs",
                "\(record.options.epochs)", "--time-limit", "\(record.options.minutes)",
                "--patience", "10", "--batch", "4", "--learning-rate", "0.0001", "--threads", half,
                "--project", folder, "--name", "run", "--force")
        } else {
            try call(
                "train", "--resume", run, "--time-limit", "\(record.options.minutes)", "--threads",
                half)
        }
        update { $0.state = .finishing }
        let bundle = "\(folder)/\(record.bundle)"
        try call(
            "export", "\(run)/weights/best.safetensors", bundle, "--precision", "f16-weights",
            "--force")
        for (model, name) in [(former, "former"), (bundle, "trained")] {
            try call(
                "evaluate", "--data", data, "--split", "val-\(Self.dataset)", "--model", model,
                "--prompt", "fixed,box", "--threads", half, "--output", "\(folder)/\(name)",
                "--force")
        }
        let made = try RegularFile.read("\(bundle)/model.json", limit: 1 << 20)
        let comparison = try Self.comparison(
            former: "\(folder)/former/report.json", trained: "\(folder)/trained/report.json")
        update { record in
            record.model = .init(
                name: String(record.bundle.dropLast(6)), sha256: SHA256.hexDigest(of: made))
            record.comparison = comparison
        }
    }

    /// What must not be split: the patient of a DICOM file, or the file of several frames; where neither
    /// is known, `samus data split` goes by the file's name.
    private static func patient(of name: String, in accepted: AcceptedDataset) -> String {
        struct Provenance: Decodable {
            var patient: String?
        }
        let stored = try? accepted.provenance(of: name)
        let provenance = stored.flatMap { $0 }.flatMap {
            try? JSON.decode(Provenance.self, from: $0)
        }
        if let patient = provenance?.patient { return patient }
        let file = name.replacing(#/\.frame\d{4,}$/#, with: "")
        return file == name ? "" : file
    }

    private func update(_ change: (inout Record) -> Void) {
        let record = state.withLock { state -> Record? in
            guard var record = state.record else { return nil }
            change(&record)
            state.record = record
            return record
        }
        if let record { write(record) }
    }

    /// Stores how a training ended; only then may the next one begin.
    private func end(_ change: (inout Record) -> Void) {
        guard var record = state.withLock({ $0.record }) else { return }
        change(&record)
        write(record)
        state.withLock { state in
            state.record = record
            state.isOwn = false
            state.lock = nil
        }
    }

    private func write(_ record: Record) {
        do {
            try AtomicFile.write(
                JSON.encode(record, style: .indented), to: "\(folder)/training.json")
        } catch {
            ServerLog.failed("the state of a training cannot be stored", because: error)
        }
    }

    /// Runs the program to its end, nicely.
    private func call(_ program: Program, _ arguments: [String], _ lock: FileLock) throws {
        let log = "\(folder)/log.txt"
        guard !state.withLock({ $0.isStopping }) else { throw Failure(lines: []) }
        guard FileManager.default.createFile(atPath: log, contents: nil),
            let output = FileHandle(forWritingAtPath: log)
        else { throw Failure(lines: ["the folder cannot be written"]) }
        defer { try? output.close() }
        let process = Process()
        process.executableURL = URL(filePath: program.path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        // It inherits the lock, so that no other server begins before it has ended.
        process.standardInput = FileHandle(
            fileDescriptor: lock.descriptor, closeOnDealloc: false)
        try process.run()
        Self.makeNice(process.processIdentifier)
        let isStopping = state.withLock { state in
            state.process = process.processIdentifier
            return state.isStopping
        }
        if isStopping { kill(process.processIdentifier, SIGINT) }
        process.waitUntilExit()
        state.withLock { $0.process = nil }
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw Failure(lines: lastLines(of: log))
        }
    }

    /// The model answers before others are trained.
    private static func makeNice(_ process: pid_t) {
        #if canImport(Glibc)
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(process), 10)
        #else
            setpriority(PRIO_PROCESS, id_t(process), 10)
        #endif
    }

    private func lastLines(of log: String) -> [String] {
        guard let text = try? RegularFile.text(log, limit: Self.maximumLog) else { return [] }
        let lines = text.split(whereSeparator: \.isNewline).suffix(5).map { line in
            String(line.replacing(folder, with: "…").replacing(root, with: "…").prefix(500))
        }
        return lines.isEmpty ? ["the program ended without a word"] : lines
    }

    /// The mean Dice of two reports of `samus evaluate`.
    static func comparison(
        former: String, trained: String
    ) throws -> TrainingStatus.Comparison {
        struct Report: Decodable {
            struct Case: Decodable {
                struct Metrics: Decodable {
                    var dice: Double?
                }
                let prompt: String
                let metrics: Metrics
            }
            let cases: [Case]

            func mean(_ prompt: String) -> Double {
                let values = cases.filter { $0.prompt == prompt }.compactMap(\.metrics.dice)
                return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
            }

            var scores: TrainingStatus.Comparison.Scores {
                .init(click: mean("fixed"), box: mean("box"))
            }
        }
        func report(_ path: String) throws -> Report {
            try JSON.decode(Report.self, from: RegularFile.read(path, limit: 256 << 20))
        }
        let (one, other) = (try report(former), try report(trained))
        return .init(
            objects: other.cases.count { $0.prompt == "box" }, former: one.scores,
            trained: other.scores)
    }
}
