import Foundation

/// A folder that is written atomically: it replaces an older folder only once it is complete.
///
/// The folder is created under a temporary name next to its path, and renamed by ``commit()``. Until
/// then, an older folder of the same name is unchanged. A folder that is never committed is deleted.
public final class AtomicFolder {
    private let path: String
    private let temporary: String
    private var isCommitted = false

    /// Creates the temporary folder.
    ///
    /// - Parameter path: the folder to create or replace; anything else at this path is refused.
    /// - Throws: ``FileError`` with the operating system's reason.
    public init(_ path: String) throws(FileError) {
        var status = stat()
        if lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR {
            throw FileError(path: path, reason: "it is not a folder")
        }
        self.path = path
        temporary = Self.sibling(of: path, ending: "partial")
        guard mkdir(temporary, 0o777) == 0 else { throw Self.failure(path) }
    }

    deinit {
        if !isCommitted {
            try? FileManager.default.removeItem(atPath: temporary)
        }
    }

    /// The path at which a file of the folder is written until the folder is committed.
    ///
    /// - Parameter name: the file's name.
    /// - Returns: a path in the temporary folder.
    public func path(of name: String) -> String { temporary + "/" + name }

    /// Whether a folder contains only regular files with known names, so that replacing the folder
    /// deletes nothing else.
    ///
    /// - Parameters:
    ///   - names: names of files that may be deleted.
    ///   - path: path of the folder; a folder that does not exist contains nothing.
    /// - Returns: false if the folder contains any other file or a folder.
    public static func containsOnly(_ names: Set<String>, at path: String) -> Bool {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return found.allSatisfy { name in
            var status = stat()
            return names.contains(name) && lstat("\(path)/\(name)", &status) == 0
                && status.st_mode & S_IFMT == S_IFREG
        }
    }

    /// Renames the folder to its path, and deletes an older folder of the same name.
    ///
    /// - Throws: ``FileError``; an older folder is then unchanged.
    public func commit() throws(FileError) {
        let older = Self.sibling(of: path, ending: "older")
        let replaces = rename(path, older) == 0
        guard replaces || errno == ENOENT else { throw Self.failure(path) }
        guard rename(temporary, path) == 0 else {
            let failure = Self.failure(path)
            if replaces { rename(older, path) }
            throw failure
        }
        isCommitted = true
        if replaces { try? FileManager.default.removeItem(atPath: older) }
    }

    private static func sibling(of path: String, ending: String) -> String {
        let url = URL(fileURLWithPath: path)
        let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
        return url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent.prefix(50)).\(suffix).\(ending)").path
    }

    private static func failure(_ path: String) -> FileError {
        FileError(path: path, reason: String(cString: strerror(errno)))
    }
}
