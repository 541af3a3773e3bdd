/// Keys of a JSON object, where those that are not expected are refused.
struct KnownKeys: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    let intValue: Int? = nil

    init(stringLiteral value: String) {
        stringValue = value
    }

    init?(stringValue: String) {
        self.init(stringLiteral: stringValue)
    }

    init?(intValue: Int) {
        nil
    }

    /// The decoder's object, when it has no key but the known ones.
    static func container(
        _ decoder: any Decoder, _ known: Set<String>
    ) throws -> KeyedDecodingContainer<KnownKeys> {
        let container = try decoder.container(keyedBy: KnownKeys.self)
        let unknown = container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
        guard unknown.isEmpty else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "'\(unknown.joined(separator: "', '"))' is not known here; "
                        + "known are \(known.sorted().joined(separator: ", "))"))
        }
        return container
    }
}
