extension String {
    /// The text with control characters other than tabs and line breaks as `\u{…}`: the name of a
    /// file or a label must not move the cursor or imitate a message.
    public var visible: String {
        // Most texts need no change.
        guard unicodeScalars.contains(where: Self.isHidden) else { return self }
        return unicodeScalars.reduce(into: "") { result, scalar in
            if Self.isHidden(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }

    /// The text on one line, control characters, tabs and line breaks made visible.
    public var visibleLine: String {
        visible.replacing("\n", with: "\\n").replacing("\t", with: "\\t")
    }

    /// A JSON text with control characters in its strings as JSON's escapes.
    public var withVisibleJSONStrings: String {
        guard unicodeScalars.contains(where: Self.isHidden) else { return self }
        return unicodeScalars.reduce(into: "") { result, scalar in
            guard Self.isHidden(scalar) else {
                result.unicodeScalars.append(scalar)
                return
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\n" || scalar == "\t" { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}

extension String {
    /// The text as a code span of Markdown, on one line: no character in it has a meaning.
    ///
    /// The backticks around it are one more than the longest run of backticks in it (CommonMark).
    public var markdownCode: String {
        let line = visibleLine
        let runs = line.split(omittingEmptySubsequences: true) { $0 != "`" }
        let longest = runs.map(\.count).max() ?? 0
        guard longest > 0 else { return "`\(line)`" }
        let fence = String(repeating: "`", count: longest + 1)
        return "\(fence) \(line) \(fence)"
    }
}

/// A number with its noun: `1 image`, `2 images`.
///
/// - Parameters:
///   - count: the number.
///   - noun: one of them; its plural has an s.
/// - Returns: both.
public func counted(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)\(count == 1 ? "" : "s")"
}
