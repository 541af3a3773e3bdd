import Foundation
import Imaging

/// A folder of a source: its files by paths relative to it.
struct SourceFolder {
    let path: String

    /// Names that the whole source's report uses begin here.
    func path(_ relative: String) -> String {
        relative.isEmpty ? path : "\(path)/\(relative)"
    }

    /// The folders directly in one, hidden ones left out, in the order of their numbers.
    func folders(in relative: String = "") -> [String] {
        children(of: relative).filter { isFolder($0) }
    }

    /// The files directly in one, hidden ones left out, in the order of their numbers.
    func files(in relative: String = "") -> [String] {
        children(of: relative).filter { !isFolder($0) }
    }

    /// All files below one, at most 8 folders deep.
    func allFiles(in relative: String = "", depth: Int = 8) -> [String] {
        files(in: relative)
            + (depth > 0
                ? folders(in: relative).flatMap { allFiles(in: $0, depth: depth - 1) } : [])
    }

    /// The first of some names that a folder has, whether its letters are large or small.
    func folder(_ names: [String], in relative: String = "") -> String? {
        let folders = folders(in: relative)
        for name in names {
            let found = folders.first { $0.lastComponent.lowercased() == name.lowercased() }
            if let found { return found }
        }
        return nil
    }

    /// The file of a name, whether its letters are large or small.
    func file(_ name: String, in relative: String = "") -> String? {
        files(in: relative).first { $0.lastComponent.lowercased() == name.lowercased() }
    }

    /// This folder or the nearest below it, at most two deep, of which something is true: people
    /// name the folder they unpacked into.
    func nearest(where isRight: (SourceFolder) -> Bool) -> SourceFolder? {
        var candidates = [self]
        for _ in 0...2 {
            if let found = candidates.first(where: isRight) { return found }
            candidates = candidates.flatMap { candidate in
                candidate.folders().map { SourceFolder(path: candidate.path($0)) }
            }
        }
        return nil
    }

    /// A whole text file, in UTF-8 or Latin-1.
    ///
    /// - Parameters:
    ///   - relative: its path.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the text, without a byte order mark.
    /// - Throws: ``ImportProblem`` when it is too large or no regular file.
    func text(_ relative: String, limit: Int = 64 << 20) throws(ImportProblem) -> String {
        let data = try data(relative, limit: limit)
        // What tables and lists are found by is ASCII; older programs write the rest in Latin-1.
        let decoded =
            String(data: data, encoding: .utf8) ?? String(data: data, encoding: .isoLatin1)
        guard let text = decoded else { throw ImportProblem(relative, "it is not text") }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    /// A whole file, which is looked at before it is opened.
    ///
    /// - Parameters:
    ///   - relative: its path.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the content.
    /// - Throws: ``ImportProblem`` when it is too large or no regular file.
    func data(_ relative: String, limit: Int) throws(ImportProblem) -> Data {
        var status = stat()
        guard stat(path(relative), &status) == 0 else {
            throw ImportProblem(relative, "there is no such file")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ImportProblem(relative, "it is not a regular file")
        }
        guard status.st_size <= limit else {
            throw ImportProblem(
                relative, "it has \(status.st_size) bytes; at most \(limit) are read")
        }
        guard let data = FileManager.default.contents(atPath: path(relative)) else {
            throw ImportProblem(relative, "it cannot be read")
        }
        return data
    }

    private func children(of relative: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path(relative))) ?? []
        return names.filter { !$0.hasPrefix(".") && $0 != "__MACOSX" }
            .sorted { $0.precedes($1) }
            .map { relative.isEmpty ? $0 : "\(relative)/\($0)" }
    }

    private func isFolder(_ relative: String) -> Bool {
        var status = stat()
        return stat(path(relative), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

extension String {
    /// After the last slash.
    var lastComponent: String {
        lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self
    }

    /// Before the last slash; empty where there is none.
    var parent: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "" }

    /// The last component without its extension.
    var stem: String {
        let name = lastComponent
        return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }

    /// Whether it is named like a picture that can be read, or is known to be one.
    var isPicture: Bool {
        let endings = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp"]
        return endings.contains { lowercased().hasSuffix(".\($0)") }
    }

    /// Numbers by their size: `benign (2)` before `benign (10)`.
    func precedes(_ other: String) -> Bool {
        switch compare(other, options: [.numeric, .caseInsensitive]) {
        case .orderedAscending: true
        case .orderedDescending: false
        case .orderedSame: self < other
        }
    }
}
