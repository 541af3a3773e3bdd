import FileIO
import Foundation
import Yams

/// The value of an option as `args.yaml` keeps it.
public enum RunArgument: Equatable, Sendable {
    /// An option that was not given.
    case none
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    /// Of anything but lists.
    case list([RunArgument])
}

/// All options of a run in their order, and `args.yaml`, which keeps them.
public struct RunArguments: Equatable, Sendable {
    /// One option.
    public struct Entry: Equatable, Sendable {
        /// Its long name without dashes.
        public var name: String
        /// Its value.
        public var value: RunArgument

        /// - Parameters:
        ///   - name: its long name without dashes.
        ///   - value: its value.
        public init(_ name: String, _ value: RunArgument) {
            self.name = name
            self.value = value
        }
    }

    /// In the order in which they are written; each name once.
    public var entries: [Entry]

    /// - Parameter entries: in the order in which they are written; each name once.
    public init(_ entries: [Entry]) {
        precondition(Set(entries.map(\.name)).count == entries.count, "each option once")
        self.entries = entries
    }

    /// The value of an option; nil where the file does not name it, and to take it away.
    ///
    /// - Parameter name: its long name without dashes.
    public subscript(name: String) -> RunArgument? {
        get { entries.first { $0.name == name }?.value }
        set {
            let place = entries.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let value?): entries[place].value = value
            case (let place?, nil): entries.remove(at: place)
            case (nil, let value?): entries.append(Entry(name, value))
            case (nil, nil): break
            }
        }
    }

    /// Writes `args.yaml`, whole or not at all.
    ///
    /// - Parameter path: the file to make or replace.
    /// - Throws: ``RunFolderError/cannotWrite(path:reason:)`` with the system's reason.
    public func write(to path: String) throws(RunFolderError) {
        let pairs = entries.map { (Node($0.name), $0.value.node) }
        let text: String
        do {
            text = try serialize(
                node: Node(pairs), width: -1, allowUnicode: true, sortKeys: false)
        } catch {
            throw .cannotWrite(path: path, reason: "\(error)")
        }
        try writeRunFile(text, to: path)
    }

    /// Reads what ``write(to:)`` wrote, perhaps edited by hand since.
    ///
    /// - Parameter path: an `args.yaml`, at most 1 MB.
    /// - Returns: the options in the file's order.
    /// - Throws: ``RunFolderError/unreadable(path:reason:)`` with the line at fault.
    public static func read(_ path: String) throws(RunFolderError) -> RunArguments {
        let text = try readRunFile(path, limit: 1 << 20)
        let node: Node?
        do {
            node = try compose(yaml: text)
        } catch {
            throw .unreadable(path: path, reason: "it is not YAML: \(error)")
        }
        guard let mapping = node?.mapping else {
            throw .unreadable(path: path, reason: "lines of the form 'option: value' are needed")
        }
        var entries: [Entry] = []
        // A reference makes a list of any length in a few letters.
        var count = 0
        for (key, value) in mapping {
            count += value.sequence?.count ?? 1
            guard count <= 10_000 else {
                throw .unreadable(path: path, reason: "it has more than 10000 values")
            }
            let line = key.mark.map { "line \($0.line): " } ?? ""
            guard let name = key.string, let argument = RunArgument(value) else {
                throw .unreadable(
                    path: path, reason: "\(line)a value or a list of values is needed")
            }
            guard !entries.contains(where: { $0.name == name }) else {
                throw .unreadable(path: path, reason: "\(line)'\(name)' stands there twice")
            }
            entries.append(Entry(name, argument))
        }
        return RunArguments(entries)
    }
}

extension RunArgument {
    /// The value as YAML, in quotes where a reader could take it for something else.
    var node: Node {
        switch self {
        case .none: Node("null", Tag(.null))
        case .flag(let value): Node(value ? "true" : "false", Tag(.bool))
        case .integer(let value): Node("\(value)", Tag(.int))
        case .number(let value): Node(Self.words(value), Tag(.float))
        // In quotes, so that 'no', '1e3' and '2024-01-01' stay words for every reader.
        case .text(let value): Node(value, Tag(.str), Self.isPlain(value) ? .any : .doubleQuoted)
        case .list(let values): Node(values.map(\.node), Tag(.seq), .flow)
        }
    }

    /// YAML 1.1 wants a point in every number that is not whole, and names for the rest.
    private static func words(_ value: Double) -> String {
        if value.isNaN { return ".nan" }
        if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
        let text = "\(value)"
        guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }

    /// Whether no reader takes the word for something else.
    private static func isPlain(_ text: String) -> Bool {
        guard text.count > 1, let first = text.unicodeScalars.first,
            CharacterSet.letters.contains(first)
        else { return false }
        let reserved = [
            "true", "false", "yes", "no", "on", "off", "null", "none",
        ]
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "_-./"))
        return text.unicodeScalars.allSatisfy(allowed.contains)
            && !reserved.contains(text.lowercased())
    }

    fileprivate init?(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            switch node.tag.rawValue {
            case Tag.Name.null.rawValue: self = .none
            case Tag.Name.bool.rawValue:
                guard let value = node.bool else { return nil }
                self = .flag(value)
            case Tag.Name.int.rawValue:
                guard let value = node.int else { return nil }
                self = .integer(value)
            case Tag.Name.float.rawValue:
                guard let value = node.float else { return nil }
                self = .number(value)
            default: self = .text(scalar.string)
            }
        case .sequence(let sequence):
            var values: [RunArgument] = []
            for item in sequence {
                guard item.scalar != nil, let value = RunArgument(item) else { return nil }
                values.append(value)
            }
            self = .list(values)
        default: return nil
        }
    }
}
