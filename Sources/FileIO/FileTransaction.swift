import Foundation

/// Files and folders that replace older ones together, also when the process is killed meanwhile.
///
/// Everything is on the disk under temporary names before ``commit(holding:)`` writes a journal, a
/// file that lists all renames, and then renames. If writing fails before the journal is complete,
/// older files are unchanged. If the process is killed after that, ``recover(in:)`` finds the
/// journal at the next start and does the other renames.
public struct FileTransaction {
    private var files: [AtomicFile] = []
    private var folders: [AtomicFolder] = []
    /// Temporary names of files whose content may not be on the disk yet.
    private var unflushed: [String] = []

    /// A transaction without files.
    public init() {}

    /// Writes a file under a temporary name.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: the file that ``commit(holding:)`` creates or replaces.
    /// - Throws: ``FileError``, for example if the disk is full.
    public mutating func add(_ bytes: [UInt8], at path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.append(bytes)
        try file.seal()
        files.append(file)
    }

    /// Writes a file under a temporary name, and leaves it to ``commit(holding:)`` to wait for the disk.
    ///
    /// For many small files: the disk writes them meanwhile.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: the file that ``commit(holding:)`` creates or replaces.
    /// - Throws: ``FileError``, for example if the disk is full.
    public mutating func addFlushingLater(_ bytes: [UInt8], at path: String) throws(FileError) {
        let file = try AtomicFile(path)
        try file.append(bytes)
        try file.closeUnflushed()
        files.append(file)
        unflushed.append(file.temporary)
    }

    /// Adds a file that is complete.
    ///
    /// - Parameter file: the file that ``commit(holding:)`` creates or replaces.
    /// - Throws: ``FileError``, for example if the disk is full.
    public mutating func add(_ file: AtomicFile) throws(FileError) {
        try file.seal()
        files.append(file)
    }

    /// Adds a folder that is complete.
    ///
    /// - Parameter folder: the folder that ``commit(holding:)`` creates or replaces.
    public mutating func add(_ folder: AtomicFolder) {
        folders.append(folder)
    }

    /// Gives all folders, then all files, their paths.
    ///
    /// - Parameter lock: of a folder that contains all of them.
    /// - Throws: ``FileError``. Older files are unchanged then, unless the error says that the next
    ///   start completes the transaction.
    public func commit(holding lock: FolderLock) throws(FileError) {
        for path in unflushed { try flushFile(path) }
        if folders.isEmpty, files.count <= 1 {
            try files.first?.commit()
            return
        }
        let journal = try Journal(files: files, folders: folders, below: lock.folder)
        let path = try journal.write(to: lock.folder)
        // From here on the journal decides: the temporary files must stay until it is done.
        files.forEach { $0.release() }
        folders.forEach { $0.release() }
        do throws(FileError) {
            try journal.complete(in: lock.folder)
        } catch {
            // The new files are all on the disk: a second attempt costs nothing and often succeeds.
            do throws(FileError) {
                try journal.complete(in: lock.folder)
            } catch {
                throw FileError(
                    path: error.path,
                    reason: "\(error.reason); some files are replaced, and the next start of the "
                        + "same command replaces the others")
            }
        }
        unlink(path)
    }

    /// Completes the transactions of killed processes in a folder, and removes other temporary
    /// files that killed processes left there.
    ///
    /// - Parameter folder: any folder; nothing happens where there is none.
    /// - Throws: ``FileError`` when a transaction cannot be completed.
    public static func recover(in folder: String) throws(FileError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let found = names.compactMap(TemporaryName.init)
        if found.contains(where: { $0.kind == .journal && !$0.belongsToRunningProcess }) {
            try recover(holding: FolderLock(folder))
        } else if names.contains(FolderLock.fileName) || found.contains(where: \.isAbandoned) {
            // Taking the lock and releasing it deletes the lock file of a killed process.
            _ = try? FolderLock(folder, patience: .zero)
            Leftovers.remove(in: folder)
        }
    }

    /// Does what ``recover(in:)`` does, under a lock that the caller has.
    ///
    /// - Parameter lock: the lock of the folder.
    /// - Throws: ``FileError`` when a transaction cannot be completed.
    public static func recover(holding lock: FolderLock) throws(FileError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: lock.folder)) ?? []
        for name in names.sorted() {
            guard let temporary = TemporaryName(name), temporary.kind == .journal,
                !temporary.belongsToRunningProcess
            else { continue }
            let path = "\(lock.folder)/\(name)"
            try Journal(reading: path).complete(in: lock.folder)
            unlink(path)
        }
        Leftovers.remove(in: lock.folder)
    }
}

/// The renames of a transaction.
///
/// All paths are relative to the folder of the journal.
private struct Journal: Codable {
    struct File: Codable {
        let temporary: String
        let path: String
    }

    struct Folder: Codable {
        let temporary: String
        /// The name that the replaced folder gets where names cannot be exchanged.
        let older: String
        let path: String
        /// Tells the new folder from the replaced one, as either can have the temporary name.
        let inode: UInt64
    }

    let folders: [Folder]
    let files: [File]

    init(
        files: [AtomicFile], folders: [AtomicFolder], below root: String
    ) throws(FileError) {
        let above = Self.components(root)
        func relative(_ path: String) throws(FileError) -> String {
            let components = Self.components(path)
            guard components.count > above.count, components.starts(with: above) else {
                throw FileError(path: path, reason: "it is not in '\(root)'")
            }
            return components.dropFirst(above.count).joined(separator: "/")
        }
        var fileEntries: [File] = []
        for file in files {
            fileEntries.append(
                File(temporary: try relative(file.temporary), path: try relative(file.path)))
        }
        var folderEntries: [Folder] = []
        for folder in folders {
            guard let inode = Self.inode(folder.temporary) else { throw .last(folder.path) }
            folderEntries.append(
                Folder(
                    temporary: try relative(folder.temporary),
                    older: try relative(TemporaryName.path(for: folder.path, .older)),
                    path: try relative(folder.path), inode: inode))
        }
        self.files = fileEntries
        self.folders = folderEntries
    }

    /// Reads a journal and checks that it moves only temporary files, within their own folders.
    init(reading path: String) throws(FileError) {
        let journal: Journal
        do {
            journal = try JSON.decode(
                Journal.self, from: RegularFile.read(path, limit: Self.largestSize))
        } catch {
            throw FileError(path: path, reason: "this journal of a stopped run is damaged")
        }
        let moves =
            journal.files.map { ($0.temporary, $0.path) }
            + journal.folders.flatMap { [($0.temporary, $0.path), ($0.older, $0.path)] }
        guard moves.allSatisfy({ Self.isMove(from: $0, to: $1) }) else {
            throw FileError(path: path, reason: "this journal of a stopped run is damaged")
        }
        self = journal
    }

    private static let largestSize = 16 << 20

    private static func isMove(from temporary: String, to path: String) -> Bool {
        let from = temporary.split(separator: "/", omittingEmptySubsequences: false)
        let to = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = from.last, TemporaryName(String(name)) != nil,
            from.dropLast() == to.dropLast()
        else { return false }
        return !(from + to).contains { ["", ".", ".."].contains($0) || $0.contains("\0") }
    }

    /// Writes the journal under a name of its own.
    ///
    /// - Returns: its path.
    func write(to folder: String) throws(FileError) -> String {
        let path = TemporaryName.path(for: "\(folder)/transaction", .journal)
        let bytes: [UInt8]
        do {
            bytes = try JSON.encode(self, formatVersion: 1)
        } catch {
            throw FileError(path: path, reason: "\(error)")
        }
        // A larger one would not be read back.
        guard bytes.count <= Self.largestSize else {
            throw FileError(
                path: path, reason: "\(files.count) files are too many to be replaced together")
        }
        try AtomicFile.write(bytes, to: path)
        return path
    }

    /// Does the renames that are not done yet.
    func complete(in root: String) throws(FileError) {
        for folder in folders {
            try complete(folder, in: root)
        }
        for file in files {
            let (temporary, path) = ("\(root)/\(file.temporary)", "\(root)/\(file.path)")
            guard rename(temporary, path) == 0 || errno == ENOENT else { throw .last(path) }
        }
        let paths = folders.map(\.path) + files.map(\.path)
        for folder in Set(paths.map { $0.split(separator: "/").dropLast() }) {
            flushFolder(([root[...]] + folder).joined(separator: "/"))
        }
    }

    private func complete(_ folder: Folder, in root: String) throws(FileError) {
        let path = "\(root)/\(folder.path)"
        let temporary = "\(root)/\(folder.temporary)"
        let older = "\(root)/\(folder.older)"
        if Self.inode(temporary) == folder.inode {
            if FileKind(path) != nil, !exchangeNames(temporary, path) {
                guard rename(path, older) == 0 else { throw .last(path) }
            }
            if Self.inode(temporary) == folder.inode {
                guard rename(temporary, path) == 0 else { throw .last(path) }
            }
        }
        guard FileKind(path) != nil else {
            throw FileError(path: path, reason: "its new content is missing: '\(temporary)'")
        }
        Leftovers.removeFileOrFolder(temporary)
        Leftovers.removeFileOrFolder(older)
    }

    private static func inode(_ path: String) -> UInt64? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return UInt64(truncatingIfNeeded: status.st_ino)
    }

    /// The parts of a path; an absolute path begins with an empty one.
    private static func components(_ path: String) -> [Substring] {
        (path.hasPrefix("/") ? [""] : []) + path.split(separator: "/").filter { $0 != "." }
    }
}
