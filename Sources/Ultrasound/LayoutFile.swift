import Foundation

/// The layout's own files: lists, `class.json`, `index.csv`.
enum LayoutFile {
    /// Whether there is something of this name.
    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// A whole text in UTF-8.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the text without a byte order mark.
    /// - Throws: ``DataError/unreadable(path:reason:)``, before anything is read when the file is
    ///   too large or no regular one.
    static func text(_ path: String, limit: Int = 16 << 20) throws(DataError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .unreadable(path: path, reason: "there is no such file")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, reason: "it is no regular file")
        }
        guard status.st_size <= limit else {
            throw .unreadable(
                path: path, reason: "it has \(status.st_size) bytes; at most \(limit) are read")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .unreadable(path: path, reason: "the system does not give its content")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw .unreadable(path: path, reason: "it is no text in UTF-8")
        }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    /// The lines of a text that hold something, white space around them taken off.
    ///
    /// - Returns: lines with their numbers, from 1.
    static func lines(_ path: String) throws(DataError) -> [(number: Int, text: String)] {
        let lines = try text(path).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return lines.enumerated().compactMap { index, line in
            let text = line.trimmingCharacters(in: .whitespaces)
            return text.isEmpty ? nil : (index + 1, text)
        }
    }
}
