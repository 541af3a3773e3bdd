import Foundation

/// A folder that is written atomically: it replaces an older folder only once it is complete.
///
/// The folder is created under a temporary name next to its path, and takes its path by
/// ``commit()``. Until then, an older folder of the same name is unchanged. A folder that is never
/// committed is deleted.
public final class AtomicFolder {
    let path: String
    let temporary: String
    private var isReleased = false

    /// Creates the temporary folder.
    ///
    /// - Parameter path: the folder to create or replace; anything else at this path is refused.
    /// - Throws: ``FileError`` with the operating system's reason.
    public init(_ path: String) throws(FileError) {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        guard FileKind(path) ?? .folder == .folder else {
            throw FileError(path: path, reason: "it is not a folder")
        }
        self.path = path
        temporary = TemporaryName.path(for: path, .partial)
        guard mkdir(temporary, 0o777) == 0 else { throw .last(path) }
    }

    deinit {
        if !isReleased {
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
        return found.allSatisfy { names.contains($0) && FileKind("\(path)/\($0)") == .file }
    }

    /// Gives the folder its path, and deletes an older folder there.
    ///
    /// Both folders exchange their names in one step where the file system can do that; elsewhere
    /// by a ``FileTransaction`` that the next start completes.
    ///
    /// - Throws: ``FileError``; an older folder is then unchanged, or the error says otherwise.
    public func commit() throws(FileError) {
        if FileKind(path) == nil {
            guard rename(temporary, path) == 0 else { throw .last(path) }
            release()
            flushFolder(folder(of: path))
        } else if exchangeNames(temporary, path) {
            release()
            flushFolder(folder(of: path))
            // The older folder now has the temporary name.
            try? FileManager.default.removeItem(atPath: temporary)
        } else {
            var transaction = FileTransaction()
            transaction.add(self)
            try transaction.commit(holding: FolderLock(folder(of: path)))
        }
    }

    /// Leaves the temporary folder in place when this object ends.
    func release() {
        isReleased = true
    }
}

/// Exchanges the names of two files or folders in one step.
///
/// - Returns: whether the file system can do this.
func exchangeNames(_ first: String, _ second: String) -> Bool {
    #if canImport(Darwin)
        return renamex_np(first, second, UInt32(RENAME_SWAP)) == 0
    #else
        // RENAME_EXCHANGE of <linux/fs.h>
        return renameat2?(AT_FDCWD, first, AT_FDCWD, second, 2) == 0
    #endif
}

#if !canImport(Darwin)
    private typealias RenameWithFlags =
        @convention(c) (
            Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
        ) -> Int32

    /// The C library's function, which Swift does not import.
    private let renameat2: RenameWithFlags? = dlsym(nil, "renameat2").map {
        unsafeBitCast($0, to: RenameWithFlags.self)
    }
#endif
