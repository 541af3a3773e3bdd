import Foundation

/// `MainPatient/class.json`: how many classes each data set has.
enum ClassFile {
    /// - Parameter root: the folder of all data sets.
    /// - Returns: classes of each data set, background included.
    /// - Throws: ``DataError`` that says what the file should hold.
    static func read(root: String) throws(DataError) -> [String: Int] {
        let path = "\(root)/MainPatient/class.json"
        guard LayoutFile.exists(path) else { throw .noData(root: root, reason: missing(root)) }
        let text = try LayoutFile.text(path, limit: 1 << 20)
        guard let classes = try? JSONDecoder().decode([String: Int].self, from: Data(text.utf8)),
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
