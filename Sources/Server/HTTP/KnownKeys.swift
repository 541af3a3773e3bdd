import FileIO

/// A JSON object of which all keys are known: others are refused, at every depth.
///
/// A client that misspells `prompt_free` must not get the answer to another question. Decode the
/// body with ``JSON/decodeKnown(_:from:)``; properties of such types are checked with it.
protocol KnownKeys: Decodable, Sendable {
    associatedtype CodingKeys: CodingKey & CaseIterable
}

// The compiler's own `init(from:)` of a type in this module takes these for its properties.
extension KeyedDecodingContainer {
    func decode<Value: KnownKeys>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try decode(Known<Value>.self, forKey: key).value
    }

    func decode<Value: KnownKeys>(_ type: [Value].Type, forKey key: Key) throws -> [Value] {
        try decode([Known<Value>].self, forKey: key).map(\.value)
    }

    func decodeIfPresent<Value: KnownKeys>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try decodeIfPresent(Known<Value>.self, forKey: key)?.value
    }

    func decodeIfPresent<Value: KnownKeys>(
        _ type: [Value].Type, forKey key: Key
    ) throws -> [Value]? {
        try decodeIfPresent([Known<Value>].self, forKey: key)?.map(\.value)
    }
}

/// Decodes an object and refuses keys that it does not have.
private struct Known<Value: KnownKeys>: Decodable {
    let value: Value

    init(from decoder: any Decoder) throws {
        let known = Set(Value.CodingKeys.allCases.map(\.stringValue))
        let found = try decoder.container(keyedBy: AnyKey.self).allKeys
        if let key = found.first(where: { !known.contains($0.stringValue) }) {
            let name = key.stringValue.snakeCase.visibleText(limit: 40)
            let names = known.map(\.snakeCase).sorted().joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "the key '\(name)' is not known; known are \(names)"))
        }
        value = try Value(from: decoder)
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension JSON {
    /// Decodes the body of a request of the server's own interface.
    ///
    /// - Throws: `JSONError`, also for keys that are not known, and keys that occur twice.
    static func decodeKnown<Value: KnownKeys>(
        _ type: Value.Type, from bytes: [UInt8]
    ) throws(JSONError) -> Value {
        try decode(Known<Value>.self, from: bytes, isStrict: true).value
    }
}

extension String {
    /// `maskInput` as `mask_input`.
    fileprivate var snakeCase: String {
        reduce(into: "") { name, letter in
            name += letter.isUppercase ? "_\(letter.lowercased())" : String(letter)
        }
    }

    /// The beginning of a text of a client, without control characters.
    fileprivate func visibleText(limit: Int) -> String {
        String(prefix(limit).map { $0.unicodeScalars.allSatisfy { $0.value >= 32 } ? $0 : "?" })
    }
}
