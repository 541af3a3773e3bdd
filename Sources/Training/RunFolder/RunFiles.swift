import Files
import Foundation

/// Writes a file of a run, whole or not at all.
func writeRunFile(_ text: String, to path: String) throws(RunFolderError) {
    do throws(FileError) {
        try AtomicFile.write(Array(text.utf8), to: path)
    } catch {
        throw .cannotWrite(path: path, reason: error.reason)
    }
}

/// Reads a text file of a run, of at most `limit` bytes.
func readRunFile(_ path: String, limit: Int) throws(RunFolderError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else {
        throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw .unreadable(path: path, reason: "it is not a file")
    }
    guard status.st_size <= limit else {
        throw .unreadable(path: path, reason: "it has more than \(limit) bytes")
    }
    guard let data = FileManager.default.contents(atPath: path),
        let text = String(data: data, encoding: .utf8)
    else { throw .unreadable(path: path, reason: "it is not UTF-8 text") }
    return text
}
