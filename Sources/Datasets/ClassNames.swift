import FileIO

/// The table `classes.csv` of a dataset: `class,name`.
enum ClassTable {
    /// Reads a table.
    ///
    /// - Parameter path: of an existing file.
    /// - Returns: names by value.
    /// - Throws: ``DatasetError/unreadable(path:reason:)`` for a file that is no such table.
    static func read(_ path: String) throws(DatasetError) -> [Int: String] {
        let rows = CSV.rows(try LayoutFile.text(path, limit: 1 << 20)).dropFirst()
        var names: [Int: String] = [:]
        for (index, row) in rows.enumerated() {
            guard row.count >= 2, let value = Int(row[0]), !row[1].isEmpty, names[value] == nil
            else {
                throw .unreadable(
                    path: path, reason: "row \(index + 2) must have a class and its name")
            }
            names[value] = row[1]
        }
        return names
    }
}

extension DatasetCollection {
    /// The names of a dataset's classes, from its `classes.csv` as an import writes it.
    ///
    /// - Parameter dataset: the dataset's folder.
    /// - Returns: names by value; empty where the dataset has no such file.
    /// - Throws: ``DatasetError/unreadable(path:reason:)`` for a file that is not a table of
    ///   `class,name`.
    public func classNames(of dataset: String) throws(DatasetError) -> [Int: String] {
        let paths = DatasetFolder.names(of: dataset).map { "\(root)/\($0)/classes.csv" }
        guard let path = paths.first(where: LayoutFile.exists) else { return [:] }
        return try ClassTable.read(path)
    }
}
