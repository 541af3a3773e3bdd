/// Comma-separated values (RFC 4180).
public enum CSV {
    /// The rows of a table; quoted fields may hold commas, quotes and line breaks.
    ///
    /// - Parameter text: the whole file.
    /// - Returns: fields row by row, empty lines left out.
    public static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field = ""
        var isQuoted = false
        var characters = Array(text)[...]
        func isEmpty(_ row: [String]) -> Bool { row == [""] }
        while let character = characters.popFirst() {
            switch character {
            case "\"" where isQuoted && characters.first == "\"":
                field.append("\"")
                characters.removeFirst()
            case "\"":
                isQuoted.toggle()
            case "," where !isQuoted:
                row.append(field)
                field = ""
            case _ where character.isNewline && !isQuoted:
                row.append(field)
                if !isEmpty(row) { rows.append(row) }
                row = []
                field = ""
            default:
                field.append(character)
            }
        }
        row.append(field)
        if !isEmpty(row) { rows.append(row) }
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
