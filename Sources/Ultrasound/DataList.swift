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
