import Foundation

/// Names for files and lists made of an original's: safe in a path, and each used once, also where
/// large and small letters are the same to the file system.
struct PictureNames {
    private var used: Set<String> = []

    /// - Parameter original: as `benign (1)`; letters, digits, `.`, `-` and `_` stay.
    /// - Returns: as `benign_1`, or `benign_1-2` when that is taken.
    mutating func unique(_ original: String) -> String {
        let safe = Self.safe(original)
        var name = safe
        var number = 1
        while !used.insert(name.lowercased()).inserted {
            number += 1
            name = "\(safe)-\(number)"
        }
        return name
    }

    /// - Parameter original: any text.
    /// - Returns: at most 200 bytes, never empty, without a dot in front.
    static func safe(_ original: String) -> String {
        var name = ""
        for character in original.precomposedStringWithCanonicalMapping {
            let isKept = character.isLetter || character.isNumber || "._-".contains(character)
            if isKept {
                name.append(character)
            } else if !name.isEmpty && name.last != "_" {
                name.append("_")
            }
        }
        // File systems allow 255 bytes, of which an ending and a number want some.
        while name.utf8.count > 200 { name.removeLast() }
        let trimmed = name.drop { $0 == "." || $0 == "_" }
        let end = trimmed.lastIndex { $0 != "_" && $0 != "." }
        return end.map { String(trimmed[...$0]) } ?? "picture"
    }
}
