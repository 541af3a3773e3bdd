extension Checkpoint {
    /// Reads a safetensors file: the header's length in 8 bytes, a JSON header, and the tensors
    /// without gaps.
    static func readSafetensors(
        _ file: CheckpointFile, _ limits: Limits
    ) throws(CheckpointError) -> Contents {
        let length = try file.bytes(at: 0, count: 8).integer(at: 0, as: UInt64.self)
        guard length <= UInt64(limits.maximumHeaderBytes) else {
            throw .tooLarge(
                "bytes of header", found: Int(clamping: length), limit: limits.maximumHeaderBytes)
        }
        guard Int(length) <= file.byteCount - 8 else {
            throw .truncated("the header of \(length) bytes", offset: 8)
        }
        let header = try SafetensorsHeader(
            try file.bytes(at: 8, count: Int(length)), limits: limits)
        let start = 8 + Int(length)
        var position = start
        var contents = Contents(metadata: header.metadata)
        for entry in header.entries {
            guard
                let tensor = StoredTensor(
                    elementType: entry.elementType, shape: entry.shape,
                    source: .file(file, offset: position)),
                tensor.byteCount == entry.end - entry.begin
            else {
                throw .malformed(
                    "data offsets of '\(entry.name)' that do not fit its shape", offset: 8)
            }
            guard entry.begin == position - start else {
                throw .malformed("a gap or overlap before '\(entry.name)'", offset: position)
            }
            guard tensor.byteCount <= file.byteCount - position else {
                throw .truncated("'\(entry.name)'", offset: position)
            }
            position += tensor.byteCount
            contents.tensors.append((entry.name, tensor))
        }
        guard position == file.byteCount else {
            throw .malformed("bytes after the last tensor", offset: position)
        }
        return contents
    }
}

/// The header of a safetensors file.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let elementType: ElementType
        let shape: [Int]
        let begin: Int
        let end: Int
    }

    /// The tensors, in the order of their data in the file.
    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]

    /// - Parameters:
    ///   - bytes: the JSON, which starts at byte 8 of the file.
    ///   - limits: the largest accepted sizes and counts.
    /// - Throws: ``CheckpointError``, for example ``CheckpointError/malformed(_:offset:)``.
    init(_ bytes: [UInt8], limits: Checkpoint.Limits) throws(CheckpointError) {
        var scanner = HeaderScanner(bytes, fileOffset: 8)
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        try scanner.object { scanner, name throws(CheckpointError) in
            if name == "__metadata__" {
                try scanner.object { scanner, key throws(CheckpointError) in
                    metadata[key] = try scanner.string()
                }
            } else {
                guard entries.count < limits.maximumTensors else {
                    throw .tooLarge(
                        "tensors", found: entries.count + 1, limit: limits.maximumTensors)
                }
                entries.append(try Self.entry(name, &scanner, limits))
            }
        }
        try scanner.expectEnd()
        // An empty tensor has the offset of the next tensor and comes before it.
        self.entries = entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        self.metadata = metadata
    }

    private static func entry(
        _ name: String, _ scanner: inout HeaderScanner, _ limits: Checkpoint.Limits
    ) throws(CheckpointError) -> Entry {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int] = []
        try scanner.object { scanner, key throws(CheckpointError) in
            switch key {
            case "dtype":
                let text = try scanner.string()
                type = ElementType(safetensorsName: text)
                if type == nil { throw .unsupportedElementType(text, tensor: name) }
            case "shape": shape = try scanner.integers(limit: limits.maximumRank)
            case "data_offsets": offsets = try scanner.integers(limit: 2)
            default: throw scanner.malformed("an unknown key '\(key)'")
            }
        }
        guard let type, let shape, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw scanner.malformed("an incomplete entry '\(name)'")
        }
        return Entry(
            name: name, elementType: type, shape: shape, begin: offsets[0], end: offsets[1])
    }
}

/// A parser for the JSON of a safetensors header.
///
/// A general JSON parser would accept repeated keys, fractions and any nesting, which a header must
/// not have.
struct HeaderScanner {
    private let bytes: [UInt8]
    private let fileOffset: Int
    private var position = 0

    /// - Parameters:
    ///   - bytes: the header.
    ///   - fileOffset: the position of the header in the file.
    init(_ bytes: [UInt8], fileOffset: Int) {
        self.bytes = bytes
        self.fileOffset = fileOffset
    }

    var offset: Int { fileOffset + position }

    func malformed(_ what: String) -> CheckpointError {
        .malformed("\(what) in the header", offset: offset)
    }

    /// Skips white space and returns the next byte without consuming it.
    private mutating func next() throws(CheckpointError) -> UInt8 {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
            position += 1
        }
        guard position < bytes.count else { throw malformed("an unexpected end") }
        return bytes[position]
    }

    /// Consumes a character if it comes next.
    mutating func take(_ character: Unicode.Scalar) throws(CheckpointError) -> Bool {
        guard try next() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
        guard try take(character) else { throw malformed("a missing '\(character)'") }
    }

    /// Throws unless only spaces follow.
    mutating func expectEnd() throws(CheckpointError) {
        guard bytes[position...].allSatisfy({ $0 == 0x20 }) else {
            throw malformed("text after the end")
        }
    }

    /// Calls `body` for each key of an object; `body` must parse the value.
    mutating func object(
        _ body: (inout HeaderScanner, String) throws(CheckpointError) -> Void
    ) throws(CheckpointError) {
        try expect("{")
        if try take("}") { return }
        var keys: Set<String> = []
        repeat {
            let key = try string()
            guard keys.insert(key).inserted else { throw .duplicateName(key) }
            try expect(":")
            try body(&self, key)
        } while try take(",")
        try expect("}")
    }

    /// Parses a list of at most `limit` non-negative integers.
    mutating func integers(limit: Int) throws(CheckpointError) -> [Int] {
        try expect("[")
        if try take("]") { return [] }
        var numbers: [Int] = []
        repeat {
            guard numbers.count < limit else { throw malformed("a list of too many numbers") }
            numbers.append(try integer())
        } while try take(",")
        try expect("]")
        return numbers
    }

    private mutating func integer() throws(CheckpointError) -> Int {
        _ = try next()
        let digits = bytes[position...].prefix(20).prefix { (0x30...0x39).contains($0) }
        guard let number = Int(String(decoding: digits, as: UTF8.self)),
            digits.count == 1 || digits.first != 0x30
        else { throw malformed("a number that is not a whole number") }
        position += digits.count
        return number
    }

    mutating func string() throws(CheckpointError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while position < bytes.count, bytes[position] != 0x22 {
            let byte = bytes[position]
            guard byte >= 0x20 else { throw malformed("a control character") }
            position += 1
            if byte == 0x5C {
                text += String(Character(try escape())).utf8
            } else {
                text.append(byte)
            }
        }
        guard position < bytes.count else { throw malformed("an unterminated string") }
        position += 1
        guard let valid = text.validUTF8 else { throw malformed("text that is not UTF-8") }
        return valid
    }

    private mutating func escape() throws(CheckpointError) -> Unicode.Scalar {
        guard position < bytes.count else { throw malformed("an unterminated string") }
        position += 1
        switch bytes[position - 1] {
        case 0x22: return "\""
        case 0x5C: return "\\"
        case 0x2F: return "/"
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75: return try codePoint()
        default: throw malformed("an unknown escape")
        }
    }

    /// Parses four hexadecimal digits, or a surrogate pair of two such escapes.
    private mutating func codePoint() throws(CheckpointError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard bytes[position...].starts(with: [0x5C, 0x75]) else {
            throw malformed("an unpaired surrogate")
        }
        position += 2
        let second = try codeUnit()
        guard (0xD800..<0xDC00).contains(unit), (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(
                0x10000 + (UInt32(unit) - 0xD800) << 10 + UInt32(second) - 0xDC00)
        else { throw malformed("an unpaired surrogate") }
        return scalar
    }

    private mutating func codeUnit() throws(CheckpointError) -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw malformed("an escape without hexadecimal digits") }
        position += 4
        return unit
    }
}
