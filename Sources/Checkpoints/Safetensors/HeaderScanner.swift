/// Reads the JSON of a safetensors header, piece by piece.
///
/// A general JSON reader would accept duplicate keys, fractions and any nesting; the header has none.
struct HeaderScanner {
    private let bytes: [UInt8]
    private let fileOffset: Int
    private var position = 0

    /// - Parameters:
    ///   - bytes: the header.
    ///   - fileOffset: where it starts in the file.
    init(_ bytes: [UInt8], fileOffset: Int) {
        self.bytes = bytes
        self.fileOffset = fileOffset
    }

    var offset: Int { fileOffset + position }

    func malformed(_ what: String) -> CheckpointError {
        .malformed("\(what) in the header", offset: offset)
    }

    /// The next byte that is not white space, left where it is.
    private mutating func next() throws(CheckpointError) -> UInt8 {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
            position += 1
        }
        guard position < bytes.count else { throw malformed("nothing more") }
        return bytes[position]
    }

    /// Takes a character if it comes next.
    mutating func take(_ character: Unicode.Scalar) throws(CheckpointError) -> Bool {
        guard try next() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
        guard try take(character) else { throw malformed("no '\(character)'") }
    }

    /// Only spaces may follow.
    mutating func expectEnd() throws(CheckpointError) {
        guard bytes[position...].allSatisfy({ $0 == 0x20 }) else { throw malformed("more text") }
    }

    /// Runs `body` for each key of an object; it must take the value.
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

    /// A list of at most `limit` whole numbers that are not negative.
    mutating func integers(limit: Int) throws(CheckpointError) -> [Int] {
        try expect("[")
        if try take("]") { return [] }
        var numbers: [Int] = []
        repeat {
            guard numbers.count < limit else { throw malformed("too many numbers") }
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
        else { throw malformed("no whole number") }
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
        guard position < bytes.count else { throw malformed("no end of a string") }
        position += 1
        guard let valid = text.validUTF8 else { throw malformed("text that is not UTF-8") }
        return valid
    }

    private mutating func escape() throws(CheckpointError) -> Unicode.Scalar {
        guard position < bytes.count else { throw malformed("no end of a string") }
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

    /// Four hexadecimal digits, or twice four for what UTF-16 needs two units for.
    private mutating func codePoint() throws(CheckpointError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard bytes[position...].starts(with: [0x5C, 0x75]) else {
            throw malformed("half a character")
        }
        position += 2
        let second = try codeUnit()
        guard (0xD800..<0xDC00).contains(unit), (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(
                0x10000 + (UInt32(unit) - 0xD800) << 10 + UInt32(second) - 0xDC00)
        else { throw malformed("half a character") }
        return scalar
    }

    private mutating func codeUnit() throws(CheckpointError) -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw malformed("no hexadecimal digits") }
        position += 4
        return unit
    }
}
