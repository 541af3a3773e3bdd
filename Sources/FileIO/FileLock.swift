import Foundation

/// An exclusive lock on a file, held until this object is released or the process ends.
///
/// The file contains one line that names the process that holds the lock. The file is not deleted
/// afterwards. On a file system without locks, every attempt succeeds.
public final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, or throws at once if another process holds it.
    ///
    /// - Parameter path: the lock file; created if it does not exist. A symbolic link, or anything
    ///   else that is not a regular file, is refused.
    /// - Throws: ``FileLockError``.
    public init(_ path: String) throws(FileLockError) {
        descriptor = open(
            path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            let isLink = errno == ELOOP
            throw .failed(
                path: path,
                reason: isLink ? "it is a symbolic link" : String(cString: strerror(errno)))
        }
        // If this throws, the deinitializer closes the descriptor.
        try Self.take(descriptor, path)
    }

    deinit {
        close(descriptor)
    }

    private static func take(_ descriptor: Int32, _ path: String) throws(FileLockError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .failed(path: path, reason: "it is not a regular file")
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            // Some network file systems have no locks.
            guard errno == EWOULDBLOCK else { return }
            var bytes = [UInt8](repeating: 0, count: 300)
            let count = max(pread(descriptor, &bytes, bytes.count, 0), 0)
            let line = String(decoding: bytes.prefix(count), as: UTF8.self)
                .split(separator: "\n").first
            throw .held(path: path, holder: line.map(String.init) ?? "")
        }
        let holder = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n"
        ftruncate(descriptor, 0)
        _ = holder.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }
}

/// Why a lock cannot be taken.
public enum FileLockError: Error, Equatable, Sendable {
    /// Another process holds the lock; `holder` names the process and its machine.
    case held(path: String, holder: String)
    /// The lock file cannot be made or opened.
    case failed(path: String, reason: String)
}

extension FileLockError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .held(let path, let holder): "'\(path)' is locked by \(holder)"
        case .failed(let path, let reason): "'\(path)' cannot be locked: \(reason)"
        }
    }
}
