import FileIO
import Foundation

/// The folder of one training run, `runs/train/exp`, and where each file of it lies.
///
/// While the value exists, other processes cannot open the same folder, except those that train
/// together. File names are those of Ultralytics' programs where these have one.
public final class RunFolder: Sendable {
    /// The folder itself.
    public let path: String
    private let lock: FileLock?

    private init(path: String, lock: FileLock?) {
        self.path = path
        self.lock = lock
    }

    /// Makes a folder for a new run.
    ///
    /// - Parameters:
    ///   - project: the folder of runs; made where it is missing.
    ///   - name: name of the run's folder; nil for the first free one of exp, exp2, exp3, ….
    ///   - replacing: whether a run of that name is removed first. Only files that runs write are
    ///     removed.
    /// - Returns: the folder, locked.
    /// - Throws: ``RunFolderError/exists(path:)`` when `name` is taken.
    public static func create(
        in project: String = "runs/train", name: String? = nil, replacing: Bool = false
    ) throws(RunFolderError) -> RunFolder {
        try makeFolder(project)
        if let name {
            guard !name.isEmpty, name != ".", name != "..", !name.contains("/"),
                !name.contains("\0")
            else { throw .badName(name) }
            return try create(project + "/" + name, replacing: replacing)
        }
        var number = 1
        while true {
            let path = project + "/exp" + (number == 1 ? "" : "\(number)")
            // Of two processes that try the same name, one makes it and the other tries the next.
            if mkdir(path, 0o777) == 0 {
                return try RunFolder(path: path, lock: FileLock(runFolder: path)).prepared()
            }
            guard errno == EEXIST else { throw cannotWrite(path) }
            number += 1
        }
    }

    private static func create(
        _ path: String, replacing: Bool
    ) throws(RunFolderError) -> RunFolder {
        if mkdir(path, 0o777) == 0 {
            return try RunFolder(path: path, lock: FileLock(runFolder: path)).prepared()
        }
        guard errno == EEXIST else { throw cannotWrite(path) }
        guard let content = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw .exists(path: path)
        }
        let isEmpty = content.allSatisfy { name in
            // A start that was killed at once leaves only these.
            let below = try? FileManager.default.contentsOfDirectory(atPath: path + "/weights")
            return name == ".lock" || name == "weights" && below == []
                || Leftovers.contain(name)
        }
        guard isEmpty || replacing else { throw .exists(path: path) }
        guard isEmpty || isRun(path) else { throw .notARun(path: path) }
        let folder = try RunFolder(path: path, lock: FileLock(runFolder: path))
        try folder.removeRunFiles()
        return try folder.prepared()
    }

    /// The folder that rank 0 of several processes has made or opened; the others only read it.
    ///
    /// - Parameter path: the folder, on a disk that all processes reach.
    /// - Returns: the folder, not locked.
    /// - Throws: ``RunFolderError/notShared(path:)`` where this process does not see it.
    public static func joining(_ path: String) throws(RunFolderError) -> RunFolder {
        guard isRun(path) else { throw .notShared(path: path) }
        return RunFolder(path: path, lock: nil)
    }

    /// Opens the folder of a run to resume it.
    ///
    /// - Parameter path: the run's folder, `weights` in it, or a file in either.
    /// - Returns: the folder, locked.
    /// - Throws: ``RunFolderError/noRun(path:)`` where there is none.
    public static func resume(_ path: String) throws(RunFolderError) -> RunFolder {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        for _ in 0..<3 {
            if isRun(url.path) {
                // Messages show the path as it was typed.
                let shown = isRun(path) ? path : url.path
                return try RunFolder(path: shown, lock: FileLock(runFolder: shown)).prepared()
            }
            url.deleteLastPathComponent()
        }
        throw .noRun(path: path)
    }

    /// The run that was started last.
    ///
    /// - Parameter project: the folder of runs.
    /// - Returns: the run's folder; nil where there is no run.
    public static func latest(in project: String = "runs/train") -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: project)) ?? []
        let runs = names.map { project + "/" + $0 }.filter(isRun)
        return runs.max { a, b in (startDate(a), a) < (startDate(b), b) }
    }

    private static func startDate(_ run: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: run + "/args.yaml")
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }

    /// Whether a folder holds a run.
    ///
    /// - Parameter path: any path.
    /// - Returns: whether there is a folder with `args.yaml` or `run.json`.
    public static func isRun(_ path: String) -> Bool {
        let files = ["args.yaml", "run.json"]
        return files.contains { FileManager.default.fileExists(atPath: path + "/" + $0) }
    }

    private static func makeFolder(_ path: String) throws(RunFolderError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(path: path, reason: "the folder cannot be made")
        }
    }

    private static func cannotWrite(_ path: String) -> RunFolderError {
        .cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }

    private func prepared() throws(RunFolderError) -> RunFolder {
        try Self.makeFolder(weights)
        for folder in [path, weights] {
            Leftovers.remove(in: folder, isLocked: true)
        }
        return self
    }

    private func removeRunFiles() throws(RunFolderError) {
        let manager = FileManager.default
        let names = (try? manager.contentsOfDirectory(atPath: path)) ?? []
        for name in names where Self.isWrittenByRuns(name) {
            do {
                try manager.removeItem(atPath: path + "/" + name)
            } catch {
                throw .cannotWrite(path: path + "/" + name, reason: "it cannot be removed")
            }
        }
    }

    private static func isWrittenByRuns(_ name: String) -> Bool {
        let names = [
            "args.yaml", "results.csv", "results.png", "run.json", "summary.json", "per_case.csv",
            "model_card.md", "weights", "embeddings",
        ]
        let beginnings = ["events.out.tfevents.", "train_batch", "val_pred_"]
        return names.contains(name) || beginnings.contains { name.hasPrefix($0) }
    }
}

extension RunFolder {
    /// All options of the run; read again on resume.
    public var arguments: String { path + "/args.yaml" }
    /// One row per epoch.
    public var results: String { path + "/results.csv" }
    /// The curves of ``results``.
    public var resultsImage: String { path + "/results.png" }
    /// Seed, hashes, versions, machine, start and end.
    public var record: String { path + "/run.json" }
    /// The result in figures.
    public var summary: String { path + "/summary.json" }
    /// One row per case of the last validation.
    public var cases: String { path + "/per_case.csv" }
    /// Description of the weights for people.
    public var modelCard: String { path + "/model_card.md" }
    /// The folder of weights.
    public var weights: String { path + "/weights" }
    /// The weights with the best validation.
    public var bestWeights: String { weights + "/best.safetensors" }
    /// The weights at the end of the last epoch, or when the run was stopped.
    public var lastWeights: String { weights + "/last.safetensors" }
    /// The last checkpoint.
    public var state: String { weights + "/state.safetensors" }

    /// Drawing of a training batch.
    ///
    /// - Parameter index: index of the batch, from 0.
    /// - Returns: the path of `train_batch0.png`.
    public func trainingBatch(_ index: Int = 0) -> String { path + "/train_batch\(index).png" }

    /// Drawing of predictions and labels of the last validation.
    ///
    /// - Parameter rank: the worst, median or best predictions.
    /// - Returns: the path, as of `val_pred_worst.png`.
    public func predictions(_ rank: PredictionRank) -> String {
        path + "/val_pred_\(rank.rawValue).png"
    }
}

/// Which predictions of a validation a drawing shows.
public enum PredictionRank: String, CaseIterable, Sendable {
    case worst, median, best
}

extension FileLock {
    /// Locks a run folder, by the file `.lock` in it.
    ///
    /// - Throws: ``RunFolderError/inUse(path:holder:)`` with the process that holds the lock.
    convenience init(runFolder folder: String) throws(RunFolderError) {
        do throws(FileLockError) {
            try self.init(folder + "/.lock")
        } catch {
            switch error {
            case .held(_, let holder): throw .inUse(path: folder, holder: holder)
            case .failed(let path, let reason): throw .cannotWrite(path: path, reason: reason)
            }
        }
    }
}

/// Writes a file of a run atomically.
func writeRunFile(_ text: String, to path: String) throws(RunFolderError) {
    do throws(FileError) {
        try AtomicFile.write(Array(text.utf8), to: path)
    } catch {
        throw .cannotWrite(path: path, reason: error.reason)
    }
}

/// Reads a text file of a run, of at most `limit` bytes.
func readRunFile(_ path: String, limit: Int) throws(RunFolderError) -> String {
    do throws(FileReadError) {
        return try RegularFile.text(path, limit: limit)
    } catch {
        throw .unreadable(path: path, reason: error.reason)
    }
}

/// Why a run folder cannot be made, taken or read.
public enum RunFolderError: Error, Equatable, Sendable {
    /// A name that is no plain folder name.
    case badName(String)
    /// The folder exists.
    case exists(path: String)
    /// The folder exists and holds no run, so it is not replaced.
    case notARun(path: String)
    /// There is no run to resume.
    case noRun(path: String)
    /// A process does not see the folder of rank 0.
    case notShared(path: String)
    /// Another process writes to the run.
    case inUse(path: String, holder: String)
    /// A file of the run cannot be read.
    case unreadable(path: String, reason: String)
    /// A file cannot be written.
    case cannotWrite(path: String, reason: String)
    /// `results.csv` has other columns than the run writes.
    case columns(path: String, found: [String], expected: [String])
}

extension RunFolderError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .badName(let name):
            "'\(name)' cannot name a run; a plain folder name such as 'exp' is needed"
        case .exists(let path):
            "'\(path)' exists already; choose another --name, resume it (--resume '\(path)')"
                + " or replace it (--force)"
        case .notARun(let path):
            "'\(path)' is not a run (it has no args.yaml and no run.json), so --force does not"
                + " replace it"
        case .noRun(let path):
            "'\(path)' holds no run to resume; a folder such as runs/train/exp with args.yaml"
                + " is needed"
        case .notShared(let path):
            "rank 0 writes to '\(path)', which this process does not see; --project must be on a"
                + " disk that all processes reach"
        case .inUse(let path, let holder):
            "another process writes to '\(path)'\(holder.isEmpty ? "" : " (\(holder))"); wait for"
                + " that process or end it"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .columns(let path, let found, let expected):
            "'\(path)' has the columns \(found.joined(separator: ", ")); this run writes"
                + " \(expected.joined(separator: ", "))"
        }
    }
}
