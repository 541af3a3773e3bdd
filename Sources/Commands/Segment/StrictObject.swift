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
