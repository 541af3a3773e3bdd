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
