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

extension DecodingError {
    /// What is wrong and where, in one sentence.
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
