import Crypto
import Foundation

/// A regular file held open for reading.
///
/// Bytes are read with `pread` into memory of the caller's rather than mapped: a mapped file that is
/// overwritten in place changes weights under a running program, and one that shrinks ends the
/// program with SIGBUS. Reading leaves nothing resident but the destination (the page cache belongs
/// to the kernel), so a file is still never held twice.
final class SourceFile: Sendable {
    let path: String
    let byteCount: Int
    private let descriptor: Int32
    private let modified: timespec
    private let digest = Locked<String?>(nil)

    /// Opens a file.
    ///
    /// - Throws: ``CheckpointError`` when it is absent, a folder, not permitted or empty.
    init(_ path: String) throws(CheckpointError) {
        // Without O_NONBLOCK, opening a named pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw .notFound(path: path)
            case EACCES, EPERM: throw .notPermitted(path: path)
            default: throw .readFailed(path: path, reason: String(cString: strerror(errno)))
            }
        }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        guard isKnown, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else {
            close(descriptor)
            throw status.st_mode & S_IFMT == S_IFREG ? .empty(path: path) : .notAFile(path: path)
        }
        self.path = path
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
        modified = status.modificationTime
    }

    deinit {
        close(descriptor)
    }

    /// Fills `destination` with the bytes from `offset` on.
    ///
    /// - Throws: ``CheckpointError/truncated(_:offset:)`` when the file ends before.
    func read(
        into destination: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(CheckpointError) {
        guard offset >= 0, offset <= byteCount, destination.count <= byteCount - offset else {
            throw .truncated("a block of \(destination.count) bytes", offset: offset)
        }
        guard let start = destination.baseAddress else { return }
        var done = 0
        while done < destination.count {
            let count = pread(
                descriptor, start + done, destination.count - done, off_t(offset + done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw .readFailed(path: path, reason: String(cString: strerror(errno)))
            }
            guard count > 0 else { throw .changedWhileOpen(path: path) }
            done += count
        }
    }

    /// The `count` bytes from `offset` on; allocated only when the file has them.
    func bytes(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
        guard count >= 0, offset >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw .truncated("a block of \(count) bytes", offset: offset)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        try read(into: buffer, at: offset)
        return [UInt8](buffer)
    }

    /// Hands over a range of the file in blocks of at most 1 MB.
    func forEachBlock(
        of range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(CheckpointError) {
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

    /// Throws when the file was written to since it was opened.
    func checkUnchanged() throws(CheckpointError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == byteCount,
            status.modificationTime.tv_sec == modified.tv_sec,
            status.modificationTime.tv_nsec == modified.tv_nsec
        else { throw .changedWhileOpen(path: path) }
    }

    /// SHA-256 of the whole file in hexadecimal, computed at the first call.
    func sha256() throws(CheckpointError) -> String {
        if let known = digest.value { return known }
        var hash = SHA256()
        try forEachBlock(of: 0..<byteCount) { hash.update(bufferPointer: $0) }
        try checkUnchanged()
        let text = hash.finalize().map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        digest.value = text
        return text
    }
}

extension stat {
    fileprivate var modificationTime: timespec {
        #if canImport(Darwin)
            st_mtimespec
        #else
            st_mtim
        #endif
    }
}

/// SHA-256 of bytes that come in pieces.
public struct ContentHash: Sendable {
    private var hash = SHA256()

    /// Of no bytes yet.
    public init() {}

    /// Adds bytes.
    ///
    /// - Parameter bytes: what comes next.
    public mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    /// Adds bytes.
    ///
    /// - Parameter bytes: what comes next.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
    }

    /// The hash of what was added until now, 64 hexadecimal digits.
    public var text: String {
        hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// A value behind a lock.
///
/// `Mutex` of the standard library would do, but needs macOS 15.
final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var stored: Value

    init(_ value: Value) {
        stored = value
    }

    var value: Value {
        get { lock.withLock { stored } }
        set { lock.withLock { stored = newValue } }
    }
}
