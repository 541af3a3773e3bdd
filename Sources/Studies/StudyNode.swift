import Yams

/// A value of a study file with its place, read strictly: every mistake is named with its line.
struct StudyNode {
    /// Largest number of entries of one list or mapping.
    private static let largestCount = 1000
    /// Largest number of aliases, `*name`, in a file.
    ///
    /// Yams expands each alias where it hashes keys: the time grows exponentially with their number.
    private static let largestAliasCount = 10

    let node: Node
    /// The path of keys: `networks.U-Net.budget`.
    let place: String
    let file: String

    /// Reads a file's text.
    ///
    /// - Parameters:
    ///   - text: YAML.
    ///   - file: its path, for messages.
    /// - Throws: ``StudyError`` for text that is not YAML, empty, or has many aliases.
    init(text: String, file: String) throws(StudyError) {
        let aliases = text.matches(of: #/\*[A-Za-z0-9_-]/#).count
        guard aliases <= Self.largestAliasCount else {
            throw .unreadable(
                path: file,
                reason: "it has \(aliases) aliases '*name'; at most \(Self.largestAliasCount) are "
                    + "read")
        }
        let node: Node?
        do {
            node = try compose(yaml: text)
        } catch {
            throw .unreadable(path: file, reason: "it is not YAML: \(Self.firstLines(error))")
        }
        guard let node else { throw .unreadable(path: file, reason: "it is empty") }
        self.init(node: node, place: "", file: file)
    }

    private init(node: Node, place: String, file: String) {
        (self.node, self.place, self.file) = (node, place, file)
    }

    private static func firstLines(_ error: any Error) -> String {
        "\(error)".split(separator: "\n").prefix(3).joined(separator: " ")
    }

    /// The line in the file, from 1.
    var line: Int { node.mark?.line ?? 1 }

    /// The error of this value.
    func invalid(_ reason: String) -> StudyError {
        .invalid(path: file, line: line, place: place, reason: reason)
    }

    /// A mapping with known keys.
    ///
    /// - Parameters:
    ///   - known: the keys that it may have.
    ///   - required: the keys that it must have.
    /// - Returns: the values by key.
    /// - Throws: ``StudyError/invalid(path:line:place:reason:)`` that names an unknown or missing
    ///   key.
    func fields(
        _ known: [String], required: [String] = []
    ) throws(StudyError) -> [String: StudyNode] {
        var fields: [String: StudyNode] = [:]
        for (key, value) in try entries() {
            guard known.contains(key) else {
                throw value.misplaced(
                    "there is no key '\(key)'; known are \(known.joined(separator: ", "))")
            }
            fields[key] = value
        }
        for key in required where fields[key] == nil { throw invalid("'\(key)' is missing") }
        return fields
    }

    /// The entries of a mapping with any keys, in the order of the file.
    func entries() throws(StudyError) -> [(key: String, value: StudyNode)] {
        guard let mapping = node.mapping else { throw invalid("lines 'key: value' are needed") }
        guard mapping.count <= Self.largestCount else {
            throw invalid("\(mapping.count) entries; at most \(Self.largestCount) are read")
        }
        var entries: [(key: String, value: StudyNode)] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string, !name.isEmpty else {
                throw StudyNode(node: key, place: place, file: file).invalid("a key must be a text")
            }
            let inside = StudyNode(
                node: value, place: place.isEmpty ? name : "\(place).\(name)", file: file)
            guard !entries.contains(where: { $0.key == name }) else {
                throw inside.misplaced("'\(name)' occurs twice")
            }
            entries.append((name, inside))
        }
        return entries
    }

    /// An error about the key itself: its place is the mapping.
    private func misplaced(_ reason: String) -> StudyError {
        let parent = place.lastIndex(of: ".").map { String(place[..<$0]) } ?? ""
        return .invalid(path: file, line: line, place: parent, reason: reason)
    }

    /// The elements of a list; a single value is a list of one.
    func list() throws(StudyError) -> [StudyNode] {
        guard let sequence = node.sequence else {
            guard node.scalar != nil else { throw invalid("a list is needed") }
            return [self]
        }
        guard (1...Self.largestCount).contains(sequence.count) else {
            throw invalid("a list of 1 to \(Self.largestCount) values is needed")
        }
        return sequence.enumerated().map {
            StudyNode(node: $0.element, place: "\(place)[\($0.offset)]", file: file)
        }
    }

    /// A text on one line.
    func text() throws(StudyError) -> String {
        guard let scalar = node.scalar, node.null == nil || scalar.style != .plain,
            !scalar.string.isEmpty, scalar.string.count <= 1000,
            !scalar.string.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
        else { throw invalid("a text on one line is needed") }
        return scalar.string
    }

    /// A whole number.
    func integer(_ range: ClosedRange<Int>) throws(StudyError) -> Int {
        let text = try text()
        guard let value = Int(text), range.contains(value) else {
            throw invalid(
                "'\(text)': a whole number from \(range.lowerBound) to \(range.upperBound) is needed"
            )
        }
        return value
    }

    /// A number above 0.
    func number(atMost limit: Double) throws(StudyError) -> Double {
        let text = try text()
        guard let value = Double(text), value > 0, value <= limit else {
            throw invalid("'\(text)': a number above 0, at most \(Int(limit)), is needed")
        }
        return value
    }

    /// One of the words of a type.
    func choice<Value>(
        _ what: String, among words: [String], _ value: (String) -> Value?
    ) throws(StudyError) -> Value {
        let text = try text()
        guard let found = value(text) else {
            throw invalid("'\(text)' is no \(what); there are \(words.joined(separator: ", "))")
        }
        return found
    }

    /// Throws where a list has a value twice.
    func checkUnique<Value: Hashable>(_ values: [Value], _ text: (Value) -> String)
        throws(StudyError)
    {
        var seen: Set<Value> = []
        for value in values where !seen.insert(value).inserted {
            throw invalid("'\(text(value))' occurs twice")
        }
    }
}
