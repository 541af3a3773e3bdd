import Ultrasound

/// `per_case.csv`: a row a picture and class of an evaluation.
public struct CaseTable: Equatable, Sendable {
    /// Names in the file's order.
    public let columns: [String]
    /// Fields row by row.
    public private(set) var rows: [[String]]

    /// - Parameter columns: names in the file's order.
    public init(columns: [String]) {
        self.columns = columns
        rows = []
    }

    /// Adds a row.
    ///
    /// - Parameter fields: one for each column.
    public mutating func append(_ fields: [String]) {
        precondition(fields.count == columns.count, "a field for each column")
        rows.append(fields)
    }

    /// Writes the file, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        let text = ([columns] + rows).map(CSV.line).joined(separator: "\n") + "\n"
        try writeRunFile(text, to: path)
    }
}
