/// A data set in the DICOM JSON model (PS3.18 F): tags with values.
public struct DICOMJSON: Decodable, Equatable, Sendable {
    private enum Value: Decodable, Equatable, Sendable {
        case text(String)
        case number(Double)
        case items(DICOMJSON)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let name = try? container.decode([String: String].self) {
                // A person's name: {"Alphabetic": "Doe^John"}.
                self = .text(name["Alphabetic"] ?? "")
            } else if let items = try? container.decode(DICOMJSON.self) {
                self = .items(items)
            } else {
                self = .other
            }
        }
    }

    private struct Attribute: Decodable, Equatable, Sendable {
        // Values may be null.
        let Value: [Value?]?
    }

    private let attributes: [String: Attribute]

    /// Decodes a data set.
    ///
    /// - Parameter decoder: of JSON.
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        attributes = try decoder.singleValueContainer().decode([String: Attribute].self)
    }

    private func values(_ tag: String) -> [Value] {
        (attributes[tag]?.Value ?? []).compactMap(\.self)
    }

    /// The first value of an attribute as text.
    ///
    /// - Parameter tag: eight hexadecimal digits, for example `0020000D`.
    /// - Returns: nil where the attribute is missing or empty.
    public func text(_ tag: String) -> String? {
        switch values(tag).first {
        case .text(let text): text
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        default: nil
        }
    }

    /// The first value of an attribute as a number.
    ///
    /// - Parameter tag: eight hexadecimal digits.
    /// - Returns: nil where the attribute is missing, or no whole number.
    public func number(_ tag: String) -> Int? {
        switch values(tag).first {
        case .text(let text): Int(text)
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }

    /// The items of a sequence.
    ///
    /// - Parameter tag: eight hexadecimal digits.
    /// - Returns: the items; empty where the attribute is missing.
    public func items(_ tag: String) -> [DICOMJSON] {
        values(tag).compactMap { if case .items(let items) = $0 { items } else { nil } }
    }

    /// A UID, checked: digits and dots, at most 64.
    ///
    /// - Parameter tag: eight hexadecimal digits.
    /// - Returns: nil where it is missing or not a UID.
    public func uid(_ tag: String) -> String? {
        text(tag).flatMap { $0.isDICOMUID ? $0 : nil }
    }
}

extension String {
    /// Whether the text is a UID: digits and dots, at most 64 characters.
    public var isDICOMUID: Bool {
        (1...64).contains(utf8.count) && first?.isNumber == true
            && utf8.allSatisfy { (48...57).contains($0) || $0 == 46 }
    }
}
