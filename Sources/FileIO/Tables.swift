/// Comma-separated values (RFC 4180).
public enum CSV {
    /// Parses a table.
    ///
    /// Quoted fields may contain commas, quotes and line breaks. A quote inside an unquoted field is
    /// an ordinary character, so that a stray quote does not affect the following rows.
    ///
    /// - Parameter text: the whole file.
    /// - Returns: the fields of each row; empty lines are skipped.
    public static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        var wasQuoted = false
        let bytes = Array(text.utf8)
        func endField() {
            row.append(String(decoding: field, as: UTF8.self))
            field = []
            wasQuoted = false
        }
        func endRow() {
            endField()
            if row != [""] { rows.append(row) }
            row = []
        }
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\"") where isQuoted:
                if place < bytes.count && bytes[place] == byte {
                    field.append(byte)
                    place += 1
                } else {
                    isQuoted = false
                }
            case _ where isQuoted:
                field.append(byte)
            case UInt8(ascii: "\"") where field.isEmpty && !wasQuoted:
                isQuoted = true
                wasQuoted = true
            case UInt8(ascii: ","): endField()
            // The LF of CR LF ends an empty row, which is skipped.
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): endRow()
            default: field.append(byte)
            }
        }
        endRow()
        return rows
    }

    /// Formats one row; fields are quoted where needed.
    ///
    /// - Parameter fields: the fields of the row.
    /// - Returns: the row without a line break at its end.
    public static func line(_ fields: [String]) -> String {
        fields.map { field in
            let needsQuotes = field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
        }
        .joined(separator: ",")
    }
}

/// A Markdown table.
public struct MarkdownTable: Sendable {
    private let header: [String]
    private var rows: [[String]]

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - header: the title of each column.
    ///   - rows: the rows; each has one cell per column.
    public init(_ header: [String], rows: [[String]] = []) {
        self.header = header
        self.rows = rows
    }

    /// Adds a row.
    ///
    /// - Parameter cells: one cell per column.
    public mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    /// Whether the table has no rows.
    public var isEmpty: Bool { rows.isEmpty }

    /// The lines of the table, without a line break at the end.
    public var text: String {
        let lines = [header, header.map { _ in "---" }] + rows
        return lines.map { "| " + $0.map(Self.escaped).joined(separator: " | ") + " |" }
            .joined(separator: "\n")
    }

    /// The content of a cell in one line, with escaped bars and no HTML.
    private static func escaped(_ cell: String) -> String {
        cell.visible.replacing("|", with: "\\|").replacing("<", with: "\\<")
            .split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
