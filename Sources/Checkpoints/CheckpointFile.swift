import FileIO
import Foundation

/// The file of a checkpoint, open for reading.
///
/// A tensor retains its file, which therefore stays open until the tensor's bytes are copied: the
/// weights are never in memory twice.
final class CheckpointFile: Sendable {
    private let file: RegularFile
    private let digest = Locked<String?>(nil)

    var path: String { file.path }
    var byteCount: Int { file.byteCount }

    /// Opens a file.
    ///
    /// - Throws: ``CheckpointError`` if it is missing, empty, not readable or not a regular file.
    init(_ path: String) throws(CheckpointError) {
        file = try readingFile { () throws(FileReadError) in try RegularFile(path) }
        guard file.byteCount > 0 else { throw .empty(path: path) }
    }

    /// Fills `destination` with the bytes from `offset` on.
    ///
    /// - Throws: ``CheckpointError/truncated(_:offset:)`` if the file ends before.
    func read(
        into destination: UnsafeMutableRawBufferPointer, at offset: Int
    ) throws(CheckpointError) {
        try require(destination.count, at: offset)
        try readingFile { () throws(FileReadError) in try file.read(into: destination, at: offset) }
    }

    /// Reads `count` bytes from `offset` on.
    ///
    /// Memory is allocated only if the file has these bytes.
    func bytes(at offset: Int, count: Int) throws(CheckpointError) -> [UInt8] {
        try require(count, at: offset)
        return try readingFile { () throws(FileReadError) in
            try file.bytes(in: offset..<offset + count)
        }
    }

    /// Reads a range of the file in blocks of at most 1 MiB.
    func forEachBlock(
        in range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(CheckpointError) {
        try require(range.count, at: range.lowerBound)
        try readingFile { () throws(FileReadError) in try file.forEachBlock(in: range, body) }
    }

    /// Throws if the file was written to since it was opened.
    func checkUnchanged() throws(CheckpointError) {
        try readingFile(file.checkUnchanged)
    }

    /// SHA-256 of the whole file as 64 hexadecimal digits, computed at the first call.
    func sha256() throws(CheckpointError) -> String {
        if let known = digest.value { return known }
        let digits = try readingFile(file.sha256)
        digest.value = digits
        return digits
    }

    private func require(_ count: Int, at offset: Int) throws(CheckpointError) {
        guard count >= 0, offset >= 0, offset <= byteCount, count <= byteCount - offset else {
            throw .truncated("a block of \(count) bytes", offset: offset)
        }
    }
}

/// Calls `body` and turns its error into a ``CheckpointError``.
private func readingFile<Result>(
    _ body: () throws(FileReadError) -> Result
) throws(CheckpointError) -> Result {
    do throws(FileReadError) {
        return try body()
    } catch {
        switch error {
        case .notFound(let path): throw .notFound(path: path)
        case .notPermitted(let path): throw .notPermitted(path: path)
        case .notARegularFile(let path, _): throw .notAFile(path: path)
        case .changed(let path): throw .changedWhileOpen(path: path)
        case .tooLarge, .notUTF8, .failed:
            throw .readFailed(path: error.path, reason: error.reason)
        }
    }
}
