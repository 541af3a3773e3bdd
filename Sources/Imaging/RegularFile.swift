import Foundation

/// Reading whole regular files.
enum RegularFile {
    /// Reads a file, following symbolic links, refusing folders, devices, pipes and sockets.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: largest size, in bytes.
    /// - Returns: the content.
    /// - Throws: ``ImageError/notARegularFile(name:kind:)`` before anything is read from it.
    static func read(_ path: String, limit: Int) throws(ImageError) -> [UInt8] {
        var status = stat()
        // Looked at before it is opened: opening a device can already do something.
        guard stat(path, &status) == 0 else { throw .cannotRead(name: path, reason: lastError()) }
        try check(status, path: path)
        // Without blocking, should a pipe have taken the file's place since.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotRead(name: path, reason: lastError()) }
        defer { close(descriptor) }
        guard fstat(descriptor, &status) == 0 else {
            throw .cannotRead(name: path, reason: lastError())
        }
        try check(status, path: path)
        let count = Int(status.st_size)
        guard count <= limit else { throw .tooManyBytes(name: path, bytes: count, limit: limit) }
        return try read(descriptor, count: count, path: path)
    }

    private static func check(_ status: stat, path: String) throws(ImageError) {
        let kind: String
        switch status.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFDIR: kind = "a folder"
        case S_IFIFO: kind = "a pipe"
        case S_IFSOCK: kind = "a socket"
        default: kind = "a device"
        }
        throw .notARegularFile(name: path, kind: kind)
    }

    private static func read(
        _ descriptor: Int32, count: Int, path: String
    ) throws(ImageError) -> [UInt8] {
        var failure: ImageError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count, let start = buffer.baseAddress {
                let got = Foundation.read(descriptor, start + filled, count - filled)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = .cannotRead(name: path, reason: lastError()) }
                // A file cut while it is read ends here; the decoder says what is missing.
                if got <= 0 { return }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The system's words for the last failed call.
    static func lastError() -> String {
        String(cString: strerror(errno))
    }
}
