/// Finds elements by their names in the XML of DDTI.
///
/// No XML parser: those read document types and entities, which is how XML attacks its readers.
/// This one knows start and end tags without attributes' meaning, comments, CDATA and the five
/// named entities, and copies nothing else.
struct ElementScanner {
    private let text: Substring.UTF8View

    init(_ text: String) {
        self.text = text[...].utf8
    }

    private init(_ text: Substring.UTF8View) {
        self.text = text
    }

    /// The content of each element of a name, in order; one that never ends is left out.
    func elements(_ name: String) -> [ElementScanner] {
        var found: [ElementScanner] = []
        var rest = text
        while let start = Self.tag(name, in: rest) {
            guard let end = Self.find("</\(name)>", in: rest[start...]) else { break }
            found.append(ElementScanner(rest[start..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return found
    }

    /// The text inside, without space around it, entities replaced.
    var content: String {
        var content = Substring(text)[...]
        if let start = Self.find("<![CDATA[", in: content.utf8),
            let end = Self.find("]]>", in: content.utf8[start.upperBound...])
        {
            return Self.trimmed(content[start.upperBound..<end.lowerBound])
        }
        var result = ""
        while let index = content.firstIndex(of: "&") {
            result += content[..<index]
            content = content[index...]
            let entity = Self.entities.first { content.hasPrefix($0.name) }
            result += entity?.text ?? "&"
            content = content.dropFirst(entity?.name.count ?? 1)
        }
        return Self.trimmed((result + content)[...])
    }

    private static let entities: [(name: String, text: String)] = [
        ("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"),
        ("&#34;", "\""), ("&#39;", "'"),
    ]

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    /// Where the content of the next element of a name begins.
    private static func tag(_ name: String, in text: Substring.UTF8View) -> String.Index? {
        var rest = text
        while let start = find("<\(name)", in: rest) {
            rest = rest[start.upperBound...]
            guard let next = rest.first else { return nil }
            if next == UInt8(ascii: ">") { return rest.index(after: rest.startIndex) }
            // `<marks>` is no `<mark …>`.
            guard next == 32 || next == 9 || next == 10 || next == 13 else { continue }
            return rest.firstIndex(of: UInt8(ascii: ">")).map { rest.index(after: $0) }
        }
        return nil
    }

    private static func find(
        _ word: String, in text: Substring.UTF8View
    ) -> Range<String.Index>? {
        let word = Array(word.utf8)
        var rest = text
        while let start = rest.firstIndex(of: word[0]) {
            rest = rest[start...]
            if rest.starts(with: word) {
                return start..<rest.index(start, offsetBy: word.count)
            }
            rest = rest.dropFirst()
        }
        return nil
    }
}
