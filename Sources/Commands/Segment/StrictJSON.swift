import Foundation

/// A JSON object whose keys must all be known.
struct StrictObject {
    private struct Key: CodingKey {
        let stringValue: String
        let intValue: Int? = nil

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Key>
    /// The key in the file for each known key; they differ where the file has a synonym.
    private let keysInFile: [String: Key]

    /// Opens the decoder's object.
    ///
    /// - Parameters:
    ///   - decoder: at an object.
    ///   - keys: the known keys.
    ///   - synonyms: other keys that are allowed, and the known key that each stands for.
    /// - Throws: `DecodingError` for an unknown key, or for a key together with its synonym.
    init(_ decoder: any Decoder, keys: [String], synonyms: [String: String] = [:]) throws {
        container = try decoder.container(keyedBy: Key.self)
        var found: [String: Key] = [:]
        var unknown: [String] = []
        for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
            let name = synonyms[key.stringValue] ?? key.stringValue
            guard keys.contains(name) else {
                unknown.append(key.stringValue)
                continue
            }
            if let other = found.updateValue(key, forKey: name) {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "'\(other.stringValue)' and '\(key.stringValue)' mean "
                            + "the same: give one of them"))
            }
        }
        guard unknown.isEmpty else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "unknown key '\(unknown.joined(separator: "', '"))'; "
                        + "the known keys are \(keys.sorted().joined(separator: ", "))"))
        }
        keysInFile = found
    }

    /// The value of a key.
    func decode<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value {
        try container.decode(type, forKey: keyInFile(key))
    }

    /// The value of a key; nil where the object does not have it.
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, _ key: String) throws -> Value? {
        try container.decodeIfPresent(type, forKey: keyInFile(key))
    }

    /// An error about the value of a key.
    func error(_ key: String, _ reason: String) -> DecodingError {
        .dataCorruptedError(forKey: keyInFile(key), in: container, debugDescription: reason)
    }

    private func keyInFile(_ key: String) -> Key { keysInFile[key] ?? Key(key) }
}

extension DecodingError {
    /// What is wrong, and where in the file, in one sentence.
    var sentence: String {
        let (context, key): (Context, String?) =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context),
                .dataCorrupted(let context):
                (context, nil)
            case .keyNotFound(let key, let context): (context, key.stringValue)
            @unknown default: (Context(codingPath: [], debugDescription: "\(self)"), nil)
            }
        let place = context.codingPath.reduce(into: "") { path, key in
            path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? "" : ".") + key.stringValue
        }
        let reason = key.map { "'\($0)' is missing" } ?? context.debugDescription
        return place.isEmpty ? reason : "\(place): \(reason)"
    }
}

/// The first key that an object of a JSON text has twice; nil when there is none.
///
/// Decoders keep one of the two values without an error, and not all keep the same one.
///
/// - Parameter json: a text that a JSON parser has accepted.
/// - Returns: the key as it is written.
func repeatedKey(in json: Data) -> String? {
    /// The keys of each open object; nil for an open array.
    var open: [Set<String>?] = []
    var index = json.startIndex
    while index < json.endIndex {
        switch json[index] {
        case UInt8(ascii: "{"): open.append([])
        case UInt8(ascii: "["): open.append(nil)
        case UInt8(ascii: "}"), UInt8(ascii: "]"): open.removeLast()
        case UInt8(ascii: "\""):
            let start = index + 1
            index = endOfString(json, from: start)
            let next = json[(index + 1)...].first { !" \t\r\n".utf8.contains($0) }
            let text = String(decoding: json[start..<index], as: UTF8.self)
            if next == UInt8(ascii: ":"), open.last??.contains(text) == true { return text }
            if next == UInt8(ascii: ":") { open[open.count - 1]?.insert(text) }
        default: break
        }
        index += 1
    }
    return nil
}

/// The index of the closing quotation mark of a string.
private func endOfString(_ json: Data, from start: Data.Index) -> Data.Index {
    var index = start
    while json[index] != UInt8(ascii: "\"") {
        index += json[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return index
}
