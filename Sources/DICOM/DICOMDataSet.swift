import FileIO
import Foundation

/// An attribute: its tag and the kind of its value (value representation, PS3.5 6.2).
struct DICOMAttribute: Equatable, Sendable {
    enum Kind: String, Sendable {
        case AS, AT, CS, DA, DS, FD, IS, LO, LT, OB, PN, SH, SQ, ST, TM, UI, UL, US, UT

        /// Whether the length has 4 bytes.
        var hasLongLength: Bool { self == .OB || self == .SQ || self == .UT }

        /// The largest number of characters of a text; nil where there is none that matters here.
        var longestText: Int? {
            switch self {
            case .CS, .DS, .SH: 16
            case .IS: 12
            case .LO, .PN, .UI: 64
            case .ST: 1024
            case .LT: 10240
            default: nil
            }
        }
    }

    let tag: UInt32
    let kind: Kind

    init(_ tag: UInt32, _ kind: Kind) {
        self.tag = tag
        self.kind = kind
    }
}

/// The attributes of a DICOM object or of an item of a sequence.
struct DICOMDataSet: Sendable {
    private var values: [UInt32: (kind: DICOMAttribute.Kind, bytes: [UInt8])] = [:]

    /// Sets a text; one that is too long for its attribute is cut.
    ///
    /// - Parameters:
    ///   - attribute: an attribute of text.
    ///   - text: the value. In texts of one line, a backslash becomes a slash, because it separates
    ///     values, and control characters are left out.
    mutating func set(_ attribute: DICOMAttribute, _ text: String) {
        let isFree = [.LT, .ST, .UT].contains(attribute.kind)
        let plain = text.unicodeScalars.filter {
            $0.value >= 32 && $0.value != 127 || isFree && $0 == "\n"
        }
        var value = String(String.UnicodeScalarView(plain))
        if !isFree { value = value.replacing("\\", with: "/") }
        if let longest = attribute.kind.longestText {
            value = String(String.UnicodeScalarView(value.unicodeScalars.prefix(longest)))
        }
        set(attribute, bytes: Array(value.utf8))
    }

    /// Sets several texts.
    mutating func set(_ attribute: DICOMAttribute, texts: [String]) {
        set(attribute, bytes: Array(texts.joined(separator: "\\").utf8))
    }

    /// Sets an attribute without a value, as type 2 allows.
    mutating func setEmpty(_ attribute: DICOMAttribute) { set(attribute, bytes: []) }

    /// Sets encoded bytes; they are padded to an even length.
    mutating func set(_ attribute: DICOMAttribute, bytes: [UInt8]) {
        var bytes = bytes
        if bytes.count % 2 == 1 {
            bytes.append([.UI, .OB].contains(attribute.kind) ? 0 : UInt8(ascii: " "))
        }
        precondition(attribute.kind.hasLongLength || bytes.count < 65535, "a value is too long")
        values[attribute.tag] = (attribute.kind, bytes)
    }

    /// Sets numbers of 16 bits (US).
    mutating func set(_ attribute: DICOMAttribute, _ numbers: UInt16...) {
        set(attribute, bytes: numbers.flatMap { Self.bytes($0) })
    }

    /// Sets numbers of 32 bits (UL).
    mutating func set(_ attribute: DICOMAttribute, long numbers: [UInt32]) {
        set(attribute, bytes: numbers.flatMap { Self.bytes($0) })
    }

    /// Sets a number of 64 bits (FD).
    mutating func set(_ attribute: DICOMAttribute, double number: Double) {
        set(attribute, bytes: Self.bytes(number.bitPattern))
    }

    /// Sets the tag of another attribute (AT).
    mutating func set(_ attribute: DICOMAttribute, tagOf other: DICOMAttribute) {
        set(attribute, bytes: Self.bytes(tag: other.tag))
    }

    /// Sets the items of a sequence.
    mutating func set(_ attribute: DICOMAttribute, items: [DICOMDataSet]) {
        var bytes: [UInt8] = []
        for item in items {
            let content = item.encoded()
            bytes += Self.bytes(tag: 0xFFFE_E000) + Self.bytes(UInt32(content.count)) + content
        }
        set(attribute, bytes: bytes)
    }

    /// Adds the attributes of another set.
    mutating func add(_ other: DICOMDataSet) {
        values.merge(other.values) { $1 }
    }

    /// All attributes in the order of their tags, as explicit little endian.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        for (tag, value) in values.sorted(by: { $0.key < $1.key }) {
            bytes += Self.header(tag: tag, value.kind, byteCount: value.bytes.count)
            bytes += value.bytes
        }
        return bytes
    }

    /// The beginning of a file up to the last of these attributes: preamble, file meta information
    /// (PS3.10 7.1) and attributes.
    ///
    /// - Parameters:
    ///   - sopClass: the kind of object.
    ///   - instance: its UID.
    /// - Returns: the bytes.
    func encodedFile(sopClass: String, instance: String) -> [UInt8] {
        var meta = DICOMDataSet()
        meta.set(.fileMetaInformationVersion, bytes: [0, 1])
        meta.set(.mediaStorageSOPClass, sopClass)
        meta.set(.mediaStorageSOPInstance, instance)
        meta.set(.transferSyntax, "1.2.840.10008.1.2.1")
        meta.set(.implementationClass, DICOMUID.implementation)
        meta.set(.implementationVersion, "SAMUS_SWIFT")
        let group = meta.encoded()
        var length = DICOMDataSet()
        length.set(.groupLength, long: [UInt32(group.count)])
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + length.encoded() + group
            + encoded()
    }

    /// The bytes before a value.
    static func header(
        tag: UInt32, _ kind: DICOMAttribute.Kind, byteCount: Int
    ) -> [UInt8] {
        let start = bytes(tag: tag) + Array(kind.rawValue.utf8)
        return kind.hasLongLength
            ? start + [0, 0] + bytes(UInt32(byteCount)) : start + bytes(UInt16(byteCount))
    }

    private static func bytes(tag: UInt32) -> [UInt8] {
        bytes(UInt16(tag >> 16)) + bytes(UInt16(tag & 0xFFFF))
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian, Array.init)
    }
}

/// A code of a terminology, for example SNOMED CT (SCT), DCM or LOINC (LN).
struct DICOMCode: Equatable, Sendable {
    let value: String
    let scheme: String
    let meaning: String

    init(_ value: String, _ scheme: String, _ meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }

    /// The item of a code sequence.
    var item: DICOMDataSet {
        var item = DICOMDataSet()
        item.set(.codeValue, value)
        item.set(.codingScheme, scheme)
        item.set(.codeMeaning, meaning)
        return item
    }
}

/// UIDs below 2.25, which PS3.5 B.2 makes from 128-bit numbers.
enum DICOMUID {
    /// Of this program as the writer of a file.
    static let implementation = derived(from: "samus for swift")

    /// The same text always gives the same UID.
    static func derived(from text: String) -> String {
        var hash = SHA256()
        hash.update(Array(text.utf8))
        return number(hash.hexDigest)
    }

    /// A UID from the first 128 bits of a digest.
    ///
    /// - Parameter hexDigest: at least 32 hexadecimal digits.
    /// - Returns: `2.25.` and the number.
    static func number(_ hexDigest: String) -> String {
        // Decimal digits, lowest first.
        var digits = [0]
        for character in hexDigest.prefix(32) {
            var carry = character.hexDigitValue ?? 0
            for index in digits.indices {
                let value = digits[index] * 16 + carry
                (carry, digits[index]) = value.quotientAndRemainder(dividingBy: 10)
            }
            while carry > 0 {
                digits.append(carry % 10)
                carry /= 10
            }
        }
        return "2.25." + digits.reversed().map(String.init).joined()
    }

    /// Whether a text is a UID as PS3.5 9.1 defines them.
    static func isValid(_ text: String) -> Bool {
        !text.isEmpty && text.count <= 64
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0.allSatisfy { ("0"..."9").contains($0) }
            }
    }
}
