import Foundation

/// An exclusive lock on a file, held until this object is released or the process ends.
///
/// The file contains one line that names the process that holds the lock. The file is not deleted
/// afterwards. On a file system without locks, every attempt succeeds.
public final class FileLock: Sendable {
    /// The open file.
    ///
    /// A child process that inherits it holds the lock too, until it ends.
    package let descriptor: Int32

    /// Takes the lock, or throws at once if another process holds it.
    ///
    /// - Parameter path: the lock file; created if it does not exist. A link, and anything else
    ///   that is not a lock file, is refused and left unchanged.
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

    /// Whether the locked file is still the one at a path, and was not deleted meanwhile.
    func isFile(at path: String) -> Bool {
        var own = stat()
        var current = stat()
        return fstat(descriptor, &own) == 0 && lstat(path, &current) == 0
            && own.st_ino == current.st_ino && own.st_dev == current.st_dev
    }

    private static func take(_ descriptor: Int32, _ path: String) throws(FileLockError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .failed(path: path, reason: "it is not a regular file")
        }
        // A second name: writing would change a file of the user.
        guard status.st_nlink <= 1 else {
            throw .failed(path: path, reason: "it is a hard link of another file")
        }
        guard status.st_size <= largestSize else {
            throw .failed(path: path, reason: "it is not a lock file of this program")
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            // Some network file systems have no locks.
            guard errno == EWOULDBLOCK else { return }
            var bytes = [UInt8](repeating: 0, count: largestSize)
            let count = max(pread(descriptor, &bytes, bytes.count, 0), 0)
            let line = String(decoding: bytes.prefix(count), as: UTF8.self)
                .split(separator: "\n").first
            throw .held(path: path, holder: line.map(String.init) ?? "")
        }
        let holder = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n"
        ftruncate(descriptor, 0)
        _ = holder.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    private static let largestSize = 400
}

/// An exclusive lock on a folder, held for the moment in which its files are replaced.
///
/// The lock is the file `.samus.lock` in the folder, which is deleted when the lock is released.
public final class FolderLock: Sendable {
    static let fileName = ".samus.lock"

    /// The locked folder, without a slash at its end.
    public let folder: String
    private let file: String
    private let lock: FileLock

    /// Takes the lock, and waits while another process holds it.
    ///
    /// - Parameters:
    ///   - folder: an existing folder.
    ///   - patience: the longest time to wait.
    /// - Throws: ``FileError`` that names the process that holds the lock.
    public init(_ folder: String, patience: Duration = .seconds(60)) throws(FileError) {
        var folder = folder
        while folder.count > 1 && folder.hasSuffix("/") { folder.removeLast() }
        let file = "\(folder)/\(Self.fileName)"
        let end = ContinuousClock.now + patience
        while true {
            do throws(FileLockError) {
                let lock = try FileLock(file)
                // Another process may have deleted the file between opening and locking it.
                if lock.isFile(at: file) {
                    self.folder = folder
                    self.file = file
                    self.lock = lock
                    return
                }
            } catch {
                switch error {
                case .failed(let path, let reason): throw FileError(path: path, reason: reason)
                case .held(_, let holder):
                    guard ContinuousClock.now < end else {
                        throw FileError(
                            path: folder,
                            reason: "another process writes to it"
                                + (holder.isEmpty ? "" : " (\(holder))")
                                + "; wait for that process or end it")
                    }
                }
            }
            usleep(10_000)
        }
    }

    deinit {
        // While the lock is held, so that no other process holds a deleted file's lock unknowingly.
        if lock.isFile(at: file) { unlink(file) }
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
