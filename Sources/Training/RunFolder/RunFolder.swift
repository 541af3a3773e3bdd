import FileIO
import Foundation

/// The folder of one training run, `runs/train/exp`, and where each file of it lies.
///
/// While it exists no other process can take the same folder, but for those that train together. Names are those of Ultralytics'
/// programs where they have one.
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
    ///   - name: the run's folder; without it the first free one of exp, exp2, exp3, ….
    ///   - replacing: whether a run of that name is removed first: the files that runs write, and
    ///     nothing else that lies there.
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
            // Of two processes that try the same name, one makes it and the other goes on.
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
            // What a start that was killed at once has made.
            let below = try? FileManager.default.contentsOfDirectory(atPath: path + "/weights")
            return name == ".lock" || name == "weights" && below == []
                || name.hasPrefix(".") && name.hasSuffix(".partial")
        }
        guard isEmpty || replacing else { throw .exists(path: path) }
        guard isEmpty || isRun(path) else { throw .notARun(path: path) }
        let folder = try RunFolder(path: path, lock: FileLock(runFolder: path))
        try folder.removeRunFiles()
        return try folder.prepared()
    }

    /// The folder that the first of several processes has made or taken; the others only read it.
    ///
    /// - Parameter path: its folder, on a disk that all of them reach.
    /// - Returns: the folder, not locked.
    /// - Throws: ``RunFolderError/notShared(path:)`` where it is not to be seen.
    public static func joining(_ path: String) throws(RunFolderError) -> RunFolder {
        guard isRun(path) else { throw .notShared(path: path) }
        return RunFolder(path: path, lock: nil)
    }

    /// Takes a run to go on with it.
    ///
    /// - Parameter path: its folder, `weights` in it, or a file in either.
    /// - Returns: the folder, locked.
    /// - Throws: ``RunFolderError/noRun(path:)`` where there is none.
    public static func resume(_ path: String) throws(RunFolderError) -> RunFolder {
        var url = URL(fileURLWithPath: path).standardizedFileURL
        for _ in 0..<3 {
            if isRun(url.path) {
                // As it was given, so that messages show what was typed.
                let shown = isRun(path) ? path : url.path
                return try RunFolder(path: shown, lock: FileLock(runFolder: shown)).prepared()
            }
            url.deleteLastPathComponent()
        }
        throw .noRun(path: path)
    }

    /// The run that was begun last, for a `--resume` that names none.
    ///
    /// - Parameter project: the folder of runs.
    /// - Returns: its folder, or nil where there is no run.
    public static func latest(in project: String = "runs/train") -> String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: project)) ?? []
        let runs = names.map { project + "/" + $0 }.filter(isRun)
        return runs.max { a, b in (began(a), a) < (began(b), b) }
    }

    private static func began(_ run: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: run + "/args.yaml")
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }

    /// Whether a folder holds a run.
    ///
    /// - Parameter path: a folder, or what is none.
    /// - Returns: whether it has a run's `args.yaml` or `run.json`.
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
        removeHalfWritten()
        return self
    }

    /// Takes away what a sudden end left of files that were being written by `AtomicFile`.
    private func removeHalfWritten() {
        let manager = FileManager.default
        for folder in [path, weights] {
            let names = (try? manager.contentsOfDirectory(atPath: folder)) ?? []
            for name in names where name.hasPrefix(".") && name.hasSuffix(".partial") {
                unlink(folder + "/" + name)
            }
        }
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
    /// All options of the run, read again when it is resumed.
    public var arguments: String { path + "/args.yaml" }
    /// A row a validation.
    public var results: String { path + "/results.csv" }
    /// The curves of ``results``.
    public var resultsImage: String { path + "/results.png" }
    /// Seed, hashes, versions, machine, begin and end.
    public var record: String { path + "/run.json" }
    /// What came out, in figures.
    public var summary: String { path + "/summary.json" }
    /// A row an image of the last evaluation.
    public var cases: String { path + "/per_case.csv" }
    /// What the weights are, for people.
    public var modelCard: String { path + "/model_card.md" }
    /// The folder of weights.
    public var weights: String { path + "/weights" }
    /// The weights with the best validation.
    public var bestWeights: String { weights + "/best.safetensors" }
    /// The weights of the last step that was kept.
    public var lastWeights: String { weights + "/last.safetensors" }

    /// The images of a training batch, as the network sees them.
    ///
    /// - Parameter index: which batch, from 0.
    /// - Returns: the path of `train_batch0.png`.
    public func trainingBatch(_ index: Int = 0) -> String { path + "/train_batch\(index).png" }

    /// Predictions beside labels.
    ///
    /// - Parameter rank: which of them.
    /// - Returns: the path of `val_pred_worst.png`, say.
    public func predictions(_ rank: PredictionRank) -> String {
        path + "/val_pred_\(rank.rawValue).png"
    }
}

/// Which predictions of a validation an image shows.
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

/// Writes a file of a run, whole or not at all.
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
    /// A name that would leave the folder of runs.
    case badName(String)
    /// Something is there already.
    case exists(path: String)
    /// What is there is not a run, so it is not replaced.
    case notARun(path: String)
    /// There is nothing to go on with.
    case noRun(path: String)
    /// The folder of the first of several processes is not to be seen by another.
    case notShared(path: String)
    /// Another process writes to the run.
    case inUse(path: String, holder: String)
    /// A file of the run cannot be read.
    case unreadable(path: String, reason: String)
    /// The system does not let us write.
    case cannotWrite(path: String, reason: String)
    /// `results.csv` has other columns than this run writes.
    case columns(path: String, found: [String], expected: [String])
}

extension RunFolderError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .badName(let name):
            "'\(name)' cannot name a run; a plain folder name such as 'exp' is needed"
        case .exists(let path):
            "'\(path)' exists already; choose another --name, go on with it (--resume '\(path)')"
                + " or replace it (--force)"
        case .notARun(let path):
            "'\(path)' is not a run (it has no args.yaml and no run.json), so --force does not"
                + " replace it"
        case .noRun(let path):
            "'\(path)' holds no run to go on with; a folder such as runs/train/exp with args.yaml"
                + " is needed"
        case .notShared(let path):
            "'\(path)', which rank 0 writes to, is not to be seen here; --project has to name a folder"
                + " on a disk that all processes reach"
        case .inUse(let path, let holder):
            "another process writes to '\(path)'\(holder.isEmpty ? "" : " (\(holder))"); wait for"
                + " it or end it"
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
