import Foundation

/// Bytes on the disk that only this process needs, such as results that are put in order later.
///
/// The file has no name as soon as it is open: it disappears with the process, however that ends.
public final class SpoolFile {
    private let folder: String
    private let descriptor: Int32
    private var count = 0

    /// Creates the file.
    ///
    /// - Parameter folder: an existing folder on the disk to use.
    /// - Throws: ``FileError`` with the operating system's reason.
    public init(in folder: String) throws(FileError) {
        let path = TemporaryName.path(for: "\(folder)/spool", .partial)
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .last(folder) }
        unlink(path)
        self.folder = folder
    }

    deinit {
        close(descriptor)
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the bytes.
    /// - Returns: where they are, for ``bytes(in:)``.
    /// - Throws: ``FileError``, for example if the disk is full.
    public func append(_ bytes: [UInt8]) throws(FileError) -> Range<Int> {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    pwrite(descriptor, $0 + done, bytes.count - done, off_t(count + done))
                } ?? 0
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw .last(folder) }
            done += written
        }
        defer { count += bytes.count }
        return count..<count + bytes.count
    }

    /// Reads bytes again.
    ///
    /// - Parameter range: what ``append(_:)`` returned.
    /// - Returns: the bytes.
    /// - Throws: ``FileError``.
    public func bytes(in range: Range<Int>) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var done = 0
        while done < bytes.count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map {
                    pread(
                        descriptor, $0 + done, range.count - done,
                        off_t(range.lowerBound + done))
                } ?? 0
            }
            if read < 0 && errno == EINTR { continue }
            guard read > 0 else { throw .last(folder) }
            done += read
        }
        return bytes
    }
}
