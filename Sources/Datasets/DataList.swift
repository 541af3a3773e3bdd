import FileIO
import Foundation

/// A list in `MainPatient`: `train.txt`, or one data set's as `train-Breast-BUSI.txt`.
struct DataList: Hashable, Sendable {
    let path: String
    let split: Split
    /// As the file's name says; nil for the list of all.
    let dataset: String?

    /// The file's name.
    var name: String { path.lastComponent }

    /// The lists there are, the one of all first, then by name.
    static func all(root: String) -> [DataList] {
        let folder = "\(root)/MainPatient"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.sorted().compactMap { DataList(folder: folder, file: $0) }
            .sorted { ($0.dataset ?? "", $0.path) < ($1.dataset ?? "", $1.path) }
    }

    private init?(folder: String, file: String) {
        guard file.hasSuffix(".txt") else { return nil }
        let parts = file.dropLast(4).split(separator: "-", maxSplits: 1)
        guard let first = parts.first, let split = Split(rawValue: String(first)) else {
            return nil
        }
        self.split = split
        dataset = parts.count == 2 ? String(parts[1]) : nil
        path = "\(folder)/\(file)"
    }
}

/// What an image of a data set is for.
public enum Split: String, Sendable, CaseIterable, Codable {
    case train, val, test
}

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
        do throws(FileReadError) {
            return try RegularFile.text(path, limit: limit)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
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

/// `MainPatient/class.json`: how many classes each data set has.
enum ClassFile {
    /// - Parameter root: the folder of all data sets.
    /// - Returns: classes of each data set, background included.
    /// - Throws: ``DataError`` that says what the file should hold.
    static func read(root: String) throws(DataError) -> [String: Int] {
        let path = "\(root)/MainPatient/class.json"
        guard LayoutFile.exists(path) else { throw .noData(root: root, reason: missing(root)) }
        let text = try LayoutFile.text(path, limit: 1 << 20)
        guard let classes = try? JSON.decode([String: Int].self, from: text.utf8),
            classes.values.allSatisfy({ (2...256).contains($0) }),
            classes.keys.allSatisfy(\.isPlainName)
        else {
            throw .unreadable(
                path: path,
                reason: "data sets and their classes, 2 to 256, are needed, as "
                    + #"{"Breast-BUSI": 2}"#)
        }
        guard !classes.isEmpty else { throw .empty(root: root, what: "data set in class.json") }
        return classes
    }

    private static func missing(_ root: String) -> String {
        guard LayoutFile.exists(root) else { return "there is no such folder" }
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let found = folders.filter { LayoutFile.exists("\(root)/\($0)/img") }.sorted()
        let names = found.isEmpty ? ["Breast-BUSI"] : found.prefix(3)
        let example = names.map { "\"\($0)\": 2" }.joined(separator: ", ")
        return "there is no MainPatient/class.json, which says how many classes each data set has,"
            + " background included, as {\(example)}"
    }
}
