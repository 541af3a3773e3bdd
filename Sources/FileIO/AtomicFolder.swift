import Foundation

/// A folder that appears under its name with all its files, or not at all.
///
/// It is filled under another name in the same place and renamed by ``commit()``. One that is never
/// committed leaves nothing behind, and an older folder of that name is as it was.
public final class AtomicFolder {
    private let path: String
    private let temporary: String
    private var isCommitted = false

    /// Begins a folder.
    ///
    /// - Parameter path: the folder to make or replace; something else of that name is refused.
    /// - Throws: ``FileError`` with the system's reason.
    public init(_ path: String) throws(FileError) {
        var status = stat()
        if lstat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR {
            throw FileError(path: path, reason: "something that is not a folder is in its place")
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

    /// Where a file of the folder is written.
    ///
    /// - Parameter name: of the file.
    /// - Returns: its path until the folder is committed.
    public func place(of name: String) -> String { temporary + "/" + name }

    /// Whether a folder holds nothing but files of these names, so that nothing else is lost with it.
    ///
    /// - Parameters:
    ///   - names: of files that may go.
    ///   - path: of the folder; one that is not there holds nothing.
    /// - Returns: false where there is anything else, a folder among them.
    public static func holdsOnly(_ names: Set<String>, at path: String) -> Bool {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return found.allSatisfy { name in
            var status = stat()
            return names.contains(name) && lstat("\(path)/\(name)", &status) == 0
                && status.st_mode & S_IFMT == S_IFREG
        }
    }

    /// Gives the folder its name; one that was there goes.
    ///
    /// - Throws: ``FileError``; an older folder is then as it was.
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
