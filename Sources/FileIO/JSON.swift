import Foundation

/// Encodes and decodes the JSON files of this program.
///
/// Keys are `snake_case` and sorted, dates are ISO 8601, slashes are not escaped. Decoding also
/// accepts `camelCase` keys, which earlier versions wrote.
public enum JSON {
    /// The layout of the text.
    public enum Style: Sendable {
        /// One line without spaces.
        case compact
        /// Indented, one value per line, for people.
        case indented
    }

    /// How property names and keys correspond.
    public enum Keys: Sendable {
        /// The property `inputSize` has the key `input_size`. Keys of `[String: Value]` dictionaries
        /// are not converted.
        case snakeCase
        /// Keys are not converted, for formats of other programs.
        case exact
    }

    /// Encodes a value.
    ///
    /// - Parameters:
    ///   - value: the value; a struct or dictionary if there is a `formatVersion`.
    ///   - formatVersion: value of the key `format_version`; nil to leave out the key.
    ///   - style: the layout.
    ///   - keys: how property names and keys correspond.
    ///   - allowsNonFinite: whether infinities and NaN are written as `"inf"`, `"-inf"` and `"nan"`.
    /// - Returns: UTF-8 text, with a line break at the end if it is indented.
    /// - Throws: `EncodingError`, for example for a number that is not finite.
    public static func encode(
        _ value: some Encodable, formatVersion: Int? = nil, style: Style = .compact,
        keys: Keys = .snakeCase, allowsNonFinite: Bool = false
    ) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if style == .indented { encoder.outputFormatting.insert(.prettyPrinted) }
        if keys == .snakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
        encoder.dateEncodingStrategy = .iso8601
        if allowsNonFinite {
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        }
        // The wrapper only if needed: in a wrapper, the encoder also converts keys of dictionaries.
        let data =
            if let formatVersion {
                try encoder.encode(Versioned(value: value, version: formatVersion))
            } else {
                try encoder.encode(value)
            }
        var bytes = [UInt8](data)
        if style == .indented { bytes.append(UInt8(ascii: "\n")) }
        return bytes
    }

    /// Decodes a value.
    ///
    /// - Parameters:
    ///   - type: the type of the value.
    ///   - bytes: UTF-8 text.
    ///   - keys: how property names and keys correspond.
    ///   - isStrict: whether texts that are not UTF-8, and objects that have a key twice, are
    ///     refused. Without it, the text may also be UTF-16 or UTF-32, and one of the values is used.
    ///   - property: maps a path of keys to the property of its last key, for formats whose keys
    ///     were renamed; replaces `keys`.
    /// - Returns: the value; `"inf"`, `"-inf"` and `"nan"` are accepted for numbers.
    /// - Throws: ``JSONError``.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: some Sequence<UInt8>, keys: Keys = .snakeCase,
        isStrict: Bool = false, property: (@Sendable ([any CodingKey]) -> String)? = nil
    ) throws(JSONError) -> Value {
        let data = bytes as? Data ?? Data(bytes)
        if isStrict {
            // NUL is valid UTF-8 but not valid JSON; UTF-16 and UTF-32 contain it.
            guard !data.contains(0), String(validating: data, as: UTF8.self) != nil else {
                throw JSONError(reason: "it is not UTF-8 text; UTF-16 and UTF-32 are not read")
            }
        }
        let decoder = JSONDecoder()
        if let property {
            decoder.keyDecodingStrategy = .custom { PropertyKey(stringValue: property($0)) }
        } else if keys == .snakeCase {
            decoder.keyDecodingStrategy = .convertFromSnakeCase
        }
        decoder.dateDecodingStrategy = .iso8601
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let value: Value
        do {
            value = try decoder.decode(type, from: data)
        } catch {
            throw JSONError(error, in: data)
        }
        if isStrict, let key = repeatedKey(in: Array(data)) {
            // Control characters must not reach the terminal.
            let visible = key.unicodeScalars.map { scalar in
                scalar.properties.generalCategory == .control
                    ? scalar.escaped(asASCII: true) : String(scalar)
            }
            throw JSONError(reason: "an object has '\(visible.joined())' twice")
        }
        return value
    }

    /// The number under the key `format_version`.
    ///
    /// - Parameter bytes: UTF-8 text.
    /// - Returns: nil if the text is not a JSON object with this key.
    public static func formatVersion(of bytes: some Sequence<UInt8>) -> Int? {
        try? decode(Version.self, from: bytes).formatVersion
    }

    private struct PropertyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Version: Codable {
        let formatVersion: Int
    }

    private struct Versioned<Value: Encodable>: Encodable {
        let value: Value
        let version: Int

        func encode(to encoder: any Encoder) throws {
            try value.encode(to: encoder)
            // A second keyed container adds to the same object.
            try Version(formatVersion: version).encode(to: encoder)
        }
    }
}

/// Why a JSON text cannot be decoded.
public struct JSONError: Error, Equatable, Sendable {
    /// What is wrong and where, for example `images[2].box: a box is [x0, y0, x1, y1]`.
    public let reason: String

    init(reason: String) {
        self.reason = reason
    }

    init(_ error: any Error, in data: Data) {
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?:
            reason = Self.place(context) + "'\(key.stringValue)' is missing"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            reason = Self.place(context) + context.debugDescription
        case .dataCorrupted(let context)? where !context.codingPath.isEmpty:
            reason = Self.place(context) + context.debugDescription
        case .dataCorrupted(let context)?:
            reason = Self.syntaxError(in: data) ?? context.debugDescription
        default:
            reason = "\(error)"
        }
    }

    private static func place(_ context: DecodingError.Context) -> String {
        let path = context.codingPath.reduce(into: "") { path, key in
            path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? "" : ".") + key.stringValue
        }
        return path.isEmpty ? "" : path + ": "
    }

    /// The line and column of a syntax error, which `JSONDecoder` does not report.
    private static func syntaxError(in data: Data) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            return nil
        } catch {
            return (error as NSError).userInfo["NSDebugDescription"].map { "\($0)" }
        }
    }
}

extension JSONError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String { "the JSON cannot be decoded: \(reason)" }
}

/// Finds the first key that an object of a JSON text has twice.
///
/// Parsers keep one of the two values without an error, and not all parsers keep the same one.
///
/// - Parameter text: UTF-8 text that a JSON parser has accepted.
/// - Returns: the key; nil if there is none.
private func repeatedKey(in text: [UInt8]) -> String? {
    /// The keys of each open object; nil for an open array.
    var containers: [Set<String>?] = []
    var lastString = 0..<0
    var index = 0
    while index < text.count {
        switch text[index] {
        case UInt8(ascii: "{"): containers.append([])
        case UInt8(ascii: "["): containers.append(nil)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = containers.popLast()
        case UInt8(ascii: "\""):
            let start = index + 1
            index = start
            while index < text.count, text[index] != UInt8(ascii: "\"") {
                index += text[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            lastString = start..<min(index, text.count)
        case UInt8(ascii: ":") where !containers.isEmpty:
            // Outside strings, a colon always follows a key.
            let key = unescaped(text[lastString])
            let isNew = containers[containers.count - 1]?.insert(key).inserted
            if isNew == false { return key }
        default: break
        }
        index += 1
    }
    return nil
}

/// The content of a JSON string with its escape sequences replaced.
private func unescaped(_ content: ArraySlice<UInt8>) -> String {
    let text = String(decoding: content, as: UTF8.self)
    guard content.contains(UInt8(ascii: "\\")) else { return text }
    let backslash: UInt16 = 0x5C
    // In UTF-16, because `\u` escapes are UTF-16 code units.
    var units: [UInt16] = []
    var rest = Array(text.utf16)[...]
    while let unit = rest.popFirst() {
        guard unit == backslash, let letter = rest.popFirst() else {
            units.append(unit)
            continue
        }
        switch letter {
        case 0x62: units.append(0x08)  // \b
        case 0x66: units.append(0x0C)  // \f
        case 0x6E: units.append(0x0A)  // \n
        case 0x72: units.append(0x0D)  // \r
        case 0x74: units.append(0x09)  // \t
        case 0x75:  // \u and four hexadecimal digits
            let digits = String(decoding: rest.prefix(4), as: UTF16.self)
            rest = rest.dropFirst(4)
            units.append(UInt16(digits, radix: 16) ?? 0xFFFD)
        default: units.append(letter)
        }
    }
    return String(decoding: units, as: UTF16.self)
}
