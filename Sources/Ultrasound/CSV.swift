/// Comma-separated values (RFC 4180).
public enum CSV {
    /// The rows of a table; quoted fields may hold commas, quotes and line breaks.
    ///
    /// A quote inside a field that does not begin with one is a character as any other, so that
    /// one in a remark does not swallow the rows after it.
    ///
    /// - Parameter text: the whole file.
    /// - Returns: fields row by row, empty lines left out.
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
            // Of CR LF the second ends an empty row, which is left out.
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): endRow()
            default: field.append(byte)
            }
        }
        endRow()
        return rows
    }

    /// A row as text, quoted where it has to be.
    ///
    /// - Parameter fields: of one row.
    /// - Returns: the row without a line break.
    public static func line(_ fields: [String]) -> String {
        fields.map { field in
            let needsQuotes = field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
            return needsQuotes ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
        }
        .joined(separator: ",")
    }
}
