import Foundation

/// A file being written under another name, until it is complete.
struct AtomicFile {
    private let path: String
    private let descriptor: Int32

    /// Writes a file that appears at `path` whole, or not at all.
    static func write(
        to path: String, _ body: (AtomicFile) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        let url = URL(fileURLWithPath: path)
        let suffix = String(UInt64.random(in: 0 ... .max), radix: 36)
        let folder = url.deletingLastPathComponent()
        let partial = folder.appendingPathComponent(".\(url.lastPathComponent).\(suffix).partial")
        let descriptor = open(partial.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(path) }
        do throws(CheckpointError) {
            let file = AtomicFile(path: path, descriptor: descriptor)
            do throws(CheckpointError) {
                try body(file)
                guard fsync(descriptor) == 0 else { throw failure(path) }
            } catch {
                close(descriptor)
                throw error
            }
            // Some network file systems report a full disk only here.
            guard close(descriptor) == 0, rename(partial.path, path) == 0 else {
                throw failure(path)
            }
        } catch {
            unlink(partial.path)
            throw error
        }
        syncFolder(folder.path)
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws(CheckpointError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(CheckpointError) in try write(buffer) }
        }
        try result.get()
    }

    /// Appends bytes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, start + done, bytes.count - done)
            #else
                let count = Glibc.write(descriptor, start + done, bytes.count - done)
            #endif
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(path) }
            done += count
        }
    }

    private static func failure(_ path: String) -> CheckpointError {
        .writeFailed(path: path, reason: String(cString: strerror(errno)))
    }

    /// Makes the new name survive a power cut, on file systems that can.
    private static func syncFolder(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
