import Foundation

/// Where the program speaks to people.
public enum Terminal {
    /// Whether standard error is a terminal, which can redraw a line.
    public static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a line to standard error, after what was printed before.
    public static func complain(_ line: String) {
        fflush(nil)
        write(line.visible + "\n")
    }

    /// Writes to standard error as it is; when nobody listens there, nothing happens.
    public static func write(_ text: String) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                buffer.baseAddress.map {
                    Foundation.write(STDERR_FILENO, $0 + done, bytes.count - done)
                }
            }
            guard let count, count > 0 else { return }
            done += count
        }
    }
}

extension String {
    /// The text with control characters as `\u{…}`, but for line breaks: a file's name or a label
    /// must not move the cursor or forge a line.
    var visible: String {
        let hidden: Set<Unicode.GeneralCategory> = [
            .control, .format, .lineSeparator, .paragraphSeparator,
        ]
        return unicodeScalars.reduce(into: "") { result, scalar in
            let isHidden = scalar != "\n" && hidden.contains(scalar.properties.generalCategory)
            result += isHidden ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
    }

    /// The text on one line, control characters and line breaks made visible.
    var visibleLine: String {
        visible.replacingOccurrences(of: "\n", with: "\\n")
    }
}
