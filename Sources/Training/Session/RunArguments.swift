import FileIO
import Foundation
import Yams

/// The value of an option in `args.yaml`.
public enum RunArgument: Equatable, Sendable {
    /// No value: the option is off.
    case null
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    /// Values other than lists.
    case list([RunArgument])
}

/// Options in their order, and the file `args.yaml` that holds them.
public struct RunArguments: Equatable, Sendable {
    /// One option.
    public struct Entry: Equatable, Sendable {
        /// The option's long name without dashes.
        public var name: String
        /// The option's value.
        public var value: RunArgument

        /// - Parameters:
        ///   - name: the option's long name without dashes.
        ///   - value: the option's value.
        public init(_ name: String, _ value: RunArgument) {
            self.name = name
            self.value = value
        }
    }

    /// The options in the order of the file; each name once.
    public var entries: [Entry]

    /// - Parameter entries: the options in the order of the file; each name once.
    public init(_ entries: [Entry]) {
        precondition(Set(entries.map(\.name)).count == entries.count, "each option once")
        self.entries = entries
    }

    /// The value of an option; nil where the file does not name it.
    ///
    /// - Parameter name: the option's long name without dashes.
    public subscript(name: String) -> RunArgument? {
        entries.first { $0.name == name }?.value
    }

    /// Writes `args.yaml` atomically.
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

    /// Reads an `args.yaml`, perhaps edited by hand.
    ///
    /// - Parameter path: an `args.yaml`, at most 1 MB.
    /// - Returns: the options in the file's order.
    /// - Throws: ``RunFolderError/unreadable(path:reason:)`` with the line that is wrong.
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
        // YAML references can repeat a long list many times in a short file.
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
                throw .unreadable(path: path, reason: "\(line)'\(name)' occurs twice")
            }
            entries.append(Entry(name, argument))
        }
        return RunArguments(entries)
    }
}

extension RunArgument {
    /// The value as YAML, quoted where a parser could read another type.
    var node: Node {
        switch self {
        case .null: Node("null", Tag(.null))
        case .flag(let value): Node(value ? "true" : "false", Tag(.bool))
        case .integer(let value): Node("\(value)", Tag(.int))
        case .number(let value): Node(Self.yaml(value), Tag(.float))
        // Quoted, so that every YAML parser reads 'no', '1e3' and '2024-01-01' as text.
        case .text(let value): Node(value, Tag(.str), Self.isPlain(value) ? .any : .doubleQuoted)
        case .list(let values): Node(values.map(\.node), Tag(.seq), .flow)
        }
    }

    /// YAML 1.1 requires a decimal point before an exponent.
    private static func yaml(_ value: Double) -> String {
        if value.isNaN { return ".nan" }
        if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
        let text = "\(value)"
        guard let exponent = text.firstIndex(of: "e"), !text.contains(".") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }

    /// Whether every YAML parser reads the unquoted text as text.
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

    /// A number as this program and most others write it.
    ///
    /// YAML 1.1 also has numbers to base 2, 8, 16 and 60 (`1:30`), which nobody means in an option:
    /// they stay text. Yams would convert them, and traps where one to base 60 does not fit.
    private static func number(_ text: String) -> RunArgument? {
        if text.wholeMatch(of: #/[-+]?(0|[1-9][0-9]*)/#) != nil {
            return Int(text).map { .integer($0) }
        }
        switch text.lowercased() {
        case ".inf", "+.inf": return .number(.infinity)
        case "-.inf": return .number(-.infinity)
        case ".nan": return .number(.nan)
        default: break
        }
        guard text.wholeMatch(of: #/[-+]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][-+]?[0-9]+)?/#) != nil
        else {
            return nil
        }
        return Double(text).map { .number($0) }
    }

    fileprivate init?(_ node: Node) {
        switch node {
        case .scalar(let scalar):
            switch node.tag.rawValue {
            case Tag.Name.null.rawValue: self = .null
            case Tag.Name.bool.rawValue:
                guard let value = node.bool else { return nil }
                self = .flag(value)
            case Tag.Name.int.rawValue, Tag.Name.float.rawValue:
                self = Self.number(scalar.string) ?? .text(scalar.string)
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

extension RunArgument: Codable {
    /// Reads a value of JSON.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .flag(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else {
            self = .list(try container.decode([RunArgument].self))
        }
    }

    /// Writes a value of JSON.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .flag(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        }
    }

    /// The value for messages.
    public var text: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value):
            // JSON writes 1.0 as 1.
            Int(exactly: value).map { "\($0)" } ?? "\(value)"
        case .text(let value): value
        case .list(let values): values.map(\.text).joined(separator: ",")
        }
    }
}
