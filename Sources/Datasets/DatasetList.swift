import FileIO
import Foundation

/// A list in `MainPatient`: `train.txt`, or one dataset's as `train-Breast-BUSI.txt`.
struct DatasetList: Hashable, Sendable {
    let path: String
    let split: Split
    /// From the file's name; nil for the common list.
    let dataset: String?

    /// The file's name.
    var name: String { path.lastComponent }

    /// All lists, the common ones first, then by dataset and path.
    static func all(root: String) -> [DatasetList] {
        let folder = "\(root)/MainPatient"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.sorted().compactMap { DatasetList(folder: folder, file: $0) }
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

/// The part of a dataset that an image belongs to.
public enum Split: String, Sendable, CaseIterable, Codable {
    case train, val, test
}

/// The layout's own files: lists, `class.json`, `index.csv`.
enum LayoutFile {
    /// Whether the file or folder exists.
    static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Reads a text file in UTF-8.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: its largest size, in bytes.
    /// - Returns: the text without a byte order mark.
    /// - Throws: ``DatasetError/unreadable(path:reason:)``, before reading where the file is
    ///   too large or not a regular file.
    static func text(_ path: String, limit: Int = 16 << 20) throws(DatasetError) -> String {
        do throws(FileReadError) {
            return try RegularFile.text(path, limit: limit)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    /// The lines that are not blank, without white space around them.
    ///
    /// - Returns: lines with their numbers, from 1.
    static func lines(_ path: String) throws(DatasetError) -> [(number: Int, text: String)] {
        // At most about 500 MB are needed for the samples of such a list.
        let lines = try text(path, limit: 8 << 20).split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        return lines.enumerated().compactMap { index, line in
            let text = line.trimmingCharacters(in: .whitespaces)
            return text.isEmpty ? nil : (index + 1, text)
        }
    }
}

/// `MainPatient/class.json`: how many classes each dataset has.
enum ClassFile {
    /// - Parameter root: the folder of all datasets.
    /// - Returns: classes of each dataset, background included.
    /// - Throws: ``DatasetError`` with what the file should contain.
    static func read(root: String) throws(DatasetError) -> [String: Int] {
        let path = "\(root)/MainPatient/class.json"
        guard LayoutFile.exists(path) else { throw .noData(root: root, reason: missing(root)) }
        let text = try LayoutFile.text(path, limit: 1 << 20)
        guard let classes = try? JSON.decode([String: Int].self, from: text.utf8),
            classes.values.allSatisfy({ (2...256).contains($0) }),
            classes.keys.allSatisfy(\.isPlainName)
        else {
            throw .unreadable(
                path: path,
                reason: "datasets and their classes, 2 to 256, are needed, as "
                    + #"{"Breast-BUSI": 2}"#)
        }
        guard !classes.isEmpty else { throw .empty(root: root, what: "dataset in class.json") }
        return classes
    }

    private static func missing(_ root: String) -> String {
        guard LayoutFile.exists(root) else { return "there is no such folder" }
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let found = folders.filter { LayoutFile.exists("\(root)/\($0)/img") }.sorted()
        let names = found.isEmpty ? ["Breast-BUSI"] : found.prefix(3)
        let example = names.map { "\"\($0)\": 2" }.joined(separator: ", ")
        return "there is no MainPatient/class.json, which says how many classes each dataset has,"
            + " background included, as {\(example)}"
    }
}
