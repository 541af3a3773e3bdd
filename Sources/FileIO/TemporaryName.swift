import Foundation

/// The name of a file or folder that exists only while this program writes.
///
/// `.NAME.samus-HOST-PROCESS-RANDOM.KIND` names the process that made it, so that a later start can
/// remove what a killed process left, and nothing else.
struct TemporaryName {
    enum Kind: String {
        /// A file or folder that is not complete yet, or was replaced and is being removed.
        case partial
        /// A folder that is being replaced.
        case older
        /// The steps of a ``FileTransaction``.
        case journal
    }

    let kind: Kind
    private let host: String
    private let process: pid_t

    /// Reads a name.
    ///
    /// - Parameter name: the name of a file or folder, without its path. The result is nil for a
    ///   name that this program does not give.
    init?(_ name: String) {
        guard
            let match = name.wholeMatch(
                of: #/\..*\.samus-([A-Za-z0-9]+)-([0-9]+)-[a-z0-9]+\.([a-z]+)/#),
            let process = pid_t(match.2), process > 0, let kind = Kind(rawValue: String(match.3))
        else { return nil }
        self.kind = kind
        self.process = process
        host = String(match.1)
    }

    /// Whether the process ran on this machine and has ended.
    var isAbandoned: Bool {
        guard host == Self.host, process != getpid() else { return false }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    /// Whether the process runs on this machine, and is not this process.
    var belongsToRunningProcess: Bool {
        host == Self.host && process != getpid() && !isAbandoned
    }

    /// A new path next to another one.
    ///
    /// - Parameters:
    ///   - path: the file or folder that the temporary one is for.
    ///   - kind: what it is.
    /// - Returns: a path in the same folder.
    static func path(for path: String, _ kind: Kind) -> String {
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        var name = path.dropFirst(folder.count)
        // File systems limit names to 255 bytes.
        while name.utf8.count > 120 { name.removeLast() }
        let random = String(UInt64.random(in: 0 ... .max), radix: 36)
        return "\(folder).\(name).samus-\(host)-\(getpid())-\(random).\(kind.rawValue)"
    }

    private static let host: String = {
        let name = ProcessInfo.processInfo.hostName.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber)
        }
        return name.isEmpty ? "unknown" : String(name.prefix(32))
    }()
}

/// Files and folders that killed processes of this program left.
public enum Leftovers {
    /// Removes temporary files and folders of processes that have ended.
    ///
    /// Only names that this program gives are removed. What a process on another machine made is
    /// left: it may still be running.
    ///
    /// - Parameters:
    ///   - folder: the folder to search, without folders below it.
    ///   - isLocked: whether a lock excludes that any other process writes to the folder.
    public static func remove(in folder: String, isLocked: Bool = false) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names {
            guard let temporary = TemporaryName(name), temporary.kind != .journal,
                isLocked && !temporary.belongsToRunningProcess || temporary.isAbandoned
            else { continue }
            removeFileOrFolder("\(folder)/\(name)")
        }
    }

    /// Whether a name is one that this program gives to temporary files and folders.
    ///
    /// - Parameter name: the name of a file or folder, without its path.
    /// - Returns: whether ``remove(in:isLocked:)`` may remove it once its process has ended.
    public static func contain(_ name: String) -> Bool {
        TemporaryName(name).map { $0.kind != .journal } ?? false
    }

    /// Removes a regular file or a folder; errors are ignored, and the next start tries again.
    static func removeFileOrFolder(_ path: String) {
        switch FileKind(path) {
        case .file: unlink(path)
        case .folder: try? FileManager.default.removeItem(atPath: path)
        case .link, .other, nil: break
        }
    }
}
