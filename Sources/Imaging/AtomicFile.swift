import Foundation

/// Writing whole files so that nobody ever sees half of one.
enum AtomicFile {
    /// Writes beside the target, flushes to the disk, then renames over it.
    ///
    /// On failure the temporary file is gone and an older file at `path` is as it was.
    ///
    /// - Parameters:
    ///   - bytes: the content.
    ///   - path: the file to make or replace; a folder, device or pipe is refused.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` with the system's reason.
    static func write(_ bytes: [UInt8], to path: String) throws(ImageError) {
        var status = stat()
        if stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG {
            throw .cannotWrite(name: path, reason: "something that is not a file is in its place")
        }
        let folder = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        let temporary =
            (folder.isEmpty ? "" : folder + "/")
            + ".\(name.prefix(100)).\(UInt64.random(in: 0...UInt64.max)).part"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw .cannotWrite(name: path, reason: RegularFile.lastError())
        }
        var written = writeAll(bytes, to: descriptor) && fsync(descriptor) == 0
        var reason = RegularFile.lastError()
        if close(descriptor) != 0 && written {
            reason = RegularFile.lastError()
            written = false
        }
        if written && rename(temporary, path) != 0 {
            reason = RegularFile.lastError()
            written = false
        }
        guard written else {
            unlink(temporary)
            throw .cannotWrite(name: path, reason: reason)
        }
        flushFolder(folder.isEmpty ? "." : folder)
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, let start = buffer.baseAddress {
                let count = Foundation.write(descriptor, start + done, buffer.count - done)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return false }
                done += count
            }
            return true
        }
    }

    /// Makes the rename itself last; file systems that cannot do so are left to themselves.
    private static func flushFolder(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
