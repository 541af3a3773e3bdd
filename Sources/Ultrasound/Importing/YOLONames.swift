/// The classes' names in YOLO's `data.yaml`, in the four ways people write them.
///
/// ```yaml
/// names: [cyst, nodule]          # or {0: cyst, 1: nodule}
/// names:
///   - cyst                       # or 0: cyst
/// ```
enum YOLONames {
    /// - Parameter text: the whole file.
    /// - Returns: names from class 0; empty where the file has none.
    static func read(_ text: String) -> [String] {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { withoutComment(String($0)) }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("names:") }) else { return [] }
        var inline = trimmed(String(lines[start].dropFirst("names:".count)))
        // A list in brackets may go over several lines.
        var next = start + 1
        while let opening = inline.first, "[{".contains(opening),
            !"]}".contains(inline.last ?? " "),
            next < lines.count
        {
            inline += " " + trimmed(lines[next])
            next += 1
        }
        var entries: [String]
        if inline.isEmpty {
            entries = lines[(start + 1)...]
                .prefix { $0.isEmpty || $0.first?.isWhitespace == true || $0.hasPrefix("-") }
                .map(trimmed).filter { !$0.isEmpty }
        } else {
            entries = inline.dropFirst().dropLast().split(separator: ",").map {
                trimmed(String($0))
            }
        }
        entries = entries.filter { !$0.isEmpty }
        var names: [Int: String] = [:]
        for (index, entry) in entries.enumerated() {
            if entry.hasPrefix("-") {
                names[index] = unquoted(trimmed(String(entry.dropFirst())))
            } else if let colon = entry.firstIndex(of: ":"), let number = Int(entry[..<colon]) {
                names[number] = unquoted(trimmed(String(entry[entry.index(after: colon)...])))
            } else {
                names[index] = unquoted(entry)
            }
        }
        guard let last = names.keys.max(), last < 255, names.keys.allSatisfy({ $0 >= 0 }) else {
            return []
        }
        return (0...last).map { names[$0] ?? "class \($0)" }
    }

    private static func withoutComment(_ line: String) -> String {
        line.hasPrefix("#")
            ? ""
            : line.split(separator: " #", omittingEmptySubsequences: false)
                .first.map(String.init) ?? line
    }

    private static func trimmed(_ text: String) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count > 1, let mark = text.first, "\"'".contains(mark), text.last == mark else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
