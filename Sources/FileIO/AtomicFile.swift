import Foundation

/// Why a file cannot be written.
public struct FileError: Error, Equatable, Sendable {
    /// The path of the file.
    public let path: String
    /// The operating system's reason.
    public let reason: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - path: the path of the file.
    ///   - reason: the operating system's reason.
    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    /// The error for the `errno` of the last system call.
    static func last(_ path: String) -> FileError {
        FileError(path: path, reason: String(cString: strerror(errno)))
    }
}

extension FileError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        "'\(path)' cannot be written: \(reason)"
    }
}

/// A file that is written atomically: it replaces an older file only once it is complete.
///
/// The file is written under a temporary name in the same folder, flushed to the disk by ``seal()``,
/// and renamed by ``commit()``. Until then, an older file of the same name is unchanged. A file that
/// is never committed is deleted. Files that belong together are written by a ``FileTransaction``.
public final class AtomicFile {
    let path: String
    /// Where the content is until ``commit()``; another program may read or replace it there.
    package let temporary: String
    /// -1 after the file was closed.
    private var descriptor: Int32
    private var isReleased = false

    /// Creates the temporary file.
    ///
    /// - Parameter path: the file to create or replace; a folder, device or pipe, and a link to
    ///   nothing, are refused.
    /// - Throws: ``FileError`` with the operating system's reason.
    public init(_ path: String) throws(FileError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw FileError(path: path, reason: "it is not a regular file")
            }
        } else if FileKind(path) == .link {
            throw FileError(path: path, reason: "it is a link to a file that does not exist")
        }
        temporary = TemporaryName.path(for: path, .partial)
        self.path = path
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .last(path) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
        }
        if !isReleased {
            unlink(temporary)
        }
    }

    /// Writes a whole file.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: the file to create or replace.
    /// - Throws: ``FileError`` with the operating system's reason.
    public static func write(_ bytes: some Collection<UInt8>, to path: String) throws(FileError) {
        let file = try AtomicFile(path)
        let result = bytes.withContiguousStorageIfAvailable { buffer in
            Result { () throws(FileError) in try file.append(UnsafeRawBufferPointer(buffer)) }
        }
        if let result {
            try result.get()
        } else {
            try file.append(Array(bytes))
        }
        try file.commit()
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the file.
    /// - Throws: ``FileError``, for example if the disk is full.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(FileError) in try append(buffer) }
        }
        try result.get()
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the file.
    /// - Throws: ``FileError``, for example if the disk is full.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count = Foundation.write(descriptor, start + done, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .last(path) }
            done += count
        }
    }

    /// Flushes the content to the disk and closes the file; nothing can be appended afterwards.
    ///
    /// - Throws: ``FileError``, for example if the disk is full.
    public func seal() throws(FileError) {
        guard descriptor >= 0 else { return }
        guard fsync(descriptor) == 0 else { throw .last(path) }
        let closed = close(descriptor)
        descriptor = -1
        // Some network file systems report a full disk only when the file is closed.
        guard closed == 0 else { throw .last(path) }
    }

    /// Closes the file; its content is on the disk only after a later `sync`.
    func closeUnflushed() throws(FileError) {
        guard descriptor >= 0 else { return }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw .last(path) }
    }

    /// Seals the file and renames it to its path.
    ///
    /// - Throws: ``FileError``; the file is then deleted.
    public func commit() throws(FileError) {
        try seal()
        guard rename(temporary, path) == 0 else { throw .last(path) }
        release()
        flushFolder(folder(of: path))
    }

    /// Leaves the temporary file in place when this object ends.
    func release() {
        isReleased = true
    }
}

/// Flushes a folder, so that new names in it survive a power failure on most file systems.
func flushFolder(_ folder: String) {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
}

/// Waits until the content of a file is on the disk.
///
/// - Throws: ``FileError``, also for an error of an earlier write.
func flushFile(_ path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last(path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .last(path) }
}

/// The folder of a file: the path before its last slash.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
