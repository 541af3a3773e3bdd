import Foundation

/// An open file of a bundle; folders, devices and pipes are refused before anything is read.
final class RegularFile {
    let path: String
    let bytes: Int
    /// Modification time, seconds and nanoseconds.
    let changed: String
    private let descriptor: Int32

    init(_ path: String) throws(ModelBundleError) {
        self.path = path
        // Opening a pipe must not block.
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path) }
        var status = stat()
        let result = fstat(descriptor, &status)
        guard result == 0, status.st_mode & S_IFMT == S_IFREG else {
            let error = result == 0 ? .notARegularFile(path: path) : Self.failure(path)
            close(descriptor)
            throw error
        }
        bytes = Int(status.st_size)
        changed = status.changed.map(String.init).joined(separator: ".")
    }

    deinit {
        close(descriptor)
    }

    /// Calls `body` with the content, in chunks of at most 4 MB.
    func read(_ body: ([UInt8]) -> Void) throws(ModelBundleError) {
        while true {
            var failure: ModelBundleError?
            let chunk = [UInt8](unsafeUninitializedCapacity: 4 << 20) { buffer, filled in
                var got = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
                while got < 0 && errno == EINTR {
                    got = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
                }
                if got < 0 { failure = Self.failure(path) }
                filled = max(0, got)
            }
            if let failure { throw failure }
            guard !chunk.isEmpty else { return }
            body(chunk)
        }
    }

    private static func failure(_ path: String) -> ModelBundleError {
        .cannotRead(path: path, reason: String(cString: strerror(errno)))
    }
}
