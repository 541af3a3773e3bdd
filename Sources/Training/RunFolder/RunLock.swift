import Foundation

/// Keeps other processes from writing to a run, until it is gone or the process ends, however.
final class RunLock: Sendable {
    private let descriptor: Int32

    /// - Parameter folder: the run's folder; `.lock` is made in it and stays.
    /// - Throws: ``RunFolderError/inUse(path:holder:)`` with the process that holds it.
    init(_ folder: String) throws(RunFolderError) {
        let path = folder + "/.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw .cannotWrite(path: path, reason: String(cString: strerror(errno)))
        }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            // Some network file systems have no locks; there a run goes without one.
            guard code == EWOULDBLOCK else { return }
            var bytes = [UInt8](repeating: 0, count: 300)
            let count = max(pread(descriptor, &bytes, bytes.count, 0), 0)
            // The descriptor is closed by the deinitializer.
            let holder = String(decoding: bytes.prefix(count), as: UTF8.self)
            throw .inUse(
                path: folder, holder: holder.split(separator: "\n").first.map(String.init) ?? "")
        }
        let words = "process \(getpid()) on \(ProcessInfo.processInfo.hostName)\n"
        ftruncate(descriptor, 0)
        _ = words.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit { close(descriptor) }
}
