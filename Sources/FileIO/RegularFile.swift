import Foundation

/// A regular file that is open for reading.
///
/// Symbolic links are followed; folders, devices, pipes and sockets are refused before they are
/// opened. Bytes are copied into memory instead of mapping the file: the content of a mapped file
/// changes when another program overwrites it, and a read beyond the end of a truncated file ends
/// this program with SIGBUS.
public final class RegularFile: Sendable {
    /// The path with which the file was opened.
    public let path: String
    /// The size in bytes when the file was opened.
    public let byteCount: Int
    /// The time of the last modification before the file was opened.
    public let modified: FileTime
    private let descriptor: Int32

    /// Opens a file.
    ///
    /// - Parameter path: the file.
    /// - Throws: ``FileReadError``, for example ``FileReadError/notARegularFile(path:kind:)``.
    public init(_ path: String) throws(FileReadError) {
        var status = stat()
        // Check before opening, because opening a device can have side effects.
        guard stat(path, &status) == 0 else { throw .lastError(path) }
        try Self.check(status, path)
        // O_NONBLOCK: if the file has been replaced by a pipe, opening must not block.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .lastError(path) }
        guard fstat(descriptor, &status) == 0 else {
            let error = FileReadError.lastError(path)
            close(descriptor)
            throw error
        }
        do {
            try Self.check(status, path)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
        modified = FileTime(modificationOf: status)
    }

    deinit {
        close(descriptor)
    }

    private static func check(_ status: stat, _ path: String) throws(FileReadError) {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: kind = "a folder"
        case S_IFIFO: kind = "a pipe"
        case S_IFSOCK: kind = "a socket"
        default: kind = "a device"
        }
        throw .notARegularFile(path: path, kind: kind)
    }

    /// Fills a buffer with the bytes from `offset` on.
    ///
    /// - Parameters:
    ///   - destination: the buffer; its bytes must be within ``byteCount``.
    ///   - offset: position of the first byte.
    /// - Throws: ``FileReadError/changed(path:)`` if the file has become shorter.
    public func read(
        into destination: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(FileReadError) {
        guard let start = destination.baseAddress else { return }
        var done = 0
        while done < destination.count {
            let count = pread(
                descriptor, start + done, destination.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .lastError(path) }
            guard count > 0 else { throw .changed(path: path) }
            done += count
        }
    }

    /// Reads a range of the file.
    ///
    /// - Parameter range: byte offsets within ``byteCount``.
    /// - Returns: the bytes.
    /// - Throws: ``FileReadError``.
    public func bytes(in range: Range<Int>) throws(FileReadError) -> [UInt8] {
        var failure: FileReadError?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, filled in
            let target = UnsafeMutableRawBufferPointer(
                start: buffer.baseAddress, count: range.count)
            do throws(FileReadError) {
                try read(into: target, at: range.lowerBound)
                filled = range.count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads a range of the file in blocks of at most 1 MiB.
    ///
    /// - Parameters:
    ///   - range: byte offsets within ``byteCount``; nil for the whole file.
    ///   - body: called with each block in order; the block is only valid during the call.
    /// - Throws: ``FileReadError``.
    public func forEachBlock(
        in range: Range<Int>? = nil, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(FileReadError) {
        let range = range ?? 0..<byteCount
        let size = min(1 << 20, range.count)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let block = UnsafeMutableRawBufferPointer(
                rebasing: buffer.prefix(range.upperBound - offset))
            try read(into: block, at: offset)
            body(UnsafeRawBufferPointer(block))
            offset += block.count
        }
    }

    /// A second descriptor of the open file, for another process; the receiver closes it.
    ///
    /// - Returns: the descriptor.
    /// - Throws: ``FileReadError``.
    public func duplicatedDescriptor() throws(FileReadError) -> Int32 {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { throw .lastError(path) }
        return duplicate
    }

    /// Checks that the file was not written to since it was opened.
    ///
    /// - Throws: ``FileReadError/changed(path:)``.
    public func checkUnchanged() throws(FileReadError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == byteCount,
            FileTime(modificationOf: status) == modified
        else { throw .changed(path: path) }
    }

    /// Computes the SHA-256 of the whole file.
    ///
    /// - Returns: 64 hexadecimal digits.
    /// - Throws: ``FileReadError``.
    public func sha256() throws(FileReadError) -> String {
        var hash = SHA256()
        try forEachBlock { hash.update($0) }
        try checkUnchanged()
        return hash.hexDigest
    }
}

extension RegularFile {
    /// Reads a whole file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the largest accepted size, in bytes.
    /// - Returns: the content.
    /// - Throws: ``FileReadError``; a file that is too large is refused before it is read.
    public static func read(_ path: String, limit: Int) throws(FileReadError) -> [UInt8] {
        let file = try RegularFile(path)
        guard file.byteCount <= limit else {
            throw .tooLarge(path: path, bytes: file.byteCount, limit: limit)
        }
        return try file.bytes(in: 0..<file.byteCount)
    }

    /// Reads a whole text file in UTF-8.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the largest accepted size, in bytes.
    /// - Returns: the text without a byte order mark.
    /// - Throws: ``FileReadError``, for example ``FileReadError/notUTF8(path:)``.
    public static func text(_ path: String, limit: Int) throws(FileReadError) -> String {
        guard let text = String(validating: try read(path, limit: limit), as: UTF8.self) else {
            throw .notUTF8(path: path)
        }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }
}

/// A point in time as the file system stores it.
public struct FileTime: Hashable, Sendable {
    /// Seconds since 1970.
    public let seconds: Int
    /// Nanoseconds after the second.
    public let nanoseconds: Int

    /// The time of a file's last modification.
    ///
    /// - Parameter status: what `stat` returned for the file.
    public init(modificationOf status: stat) {
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        seconds = Int(time.tv_sec)
        nanoseconds = Int(time.tv_nsec)
    }
}

/// Why a file cannot be read.
public enum FileReadError: Error, Equatable, Sendable {
    /// There is no file at the path.
    case notFound(path: String)
    /// The user may not read the file.
    case notPermitted(path: String)
    /// A folder, device, pipe or socket is at the path; `kind` states which.
    case notARegularFile(path: String, kind: String)
    /// The file is larger than the caller accepts.
    case tooLarge(path: String, bytes: Int, limit: Int)
    /// The file was written to while it was open.
    case changed(path: String)
    /// The text is not valid UTF-8.
    case notUTF8(path: String)
    /// Another reason, in the words of the operating system.
    case failed(path: String, reason: String)

    /// The error for the `errno` of the last system call.
    static func lastError(_ path: String) -> FileReadError {
        switch errno {
        case ENOENT, ENOTDIR: .notFound(path: path)
        case EACCES, EPERM: .notPermitted(path: path)
        default: .failed(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// The reason without the path, as the end of a sentence.
    public var reason: String {
        switch self {
        case .notFound: "there is no such file"
        case .notPermitted: "permission denied"
        case .notARegularFile(_, let kind): "it is \(kind), not a regular file"
        case .tooLarge(_, let bytes, let limit): "it has \(bytes) bytes; at most \(limit) are read"
        case .changed: "it was changed while it was read"
        case .notUTF8: "it is not UTF-8 text"
        case .failed(_, let reason): reason
        }
    }

    /// The path of the file.
    public var path: String {
        switch self {
        case .notFound(let path), .notPermitted(let path), .notARegularFile(let path, _),
            .tooLarge(let path, _, _), .changed(let path), .notUTF8(let path),
            .failed(let path, _):
            path
        }
    }
}

extension FileReadError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String { "'\(path)' cannot be read: \(reason)" }
}
