/// The operations of Python's pickle protocols 2 to 5 that are allowed in a checkpoint.
enum PickleOperation: UInt8 {
    case mark = 0x28
    case stop = 0x2E
    case pop = 0x30
    case popMark = 0x31
    case duplicate = 0x32
    case real = 0x47
    case integer32 = 0x4A
    case integer8 = 0x4B
    case integer16 = 0x4D
    case none = 0x4E
    case persistentIdentifier = 0x51
    case reduce = 0x52
    case string = 0x54
    case shortString = 0x55
    case unicode = 0x58
    case append = 0x61
    case build = 0x62
    case global = 0x63
    case dictionary = 0x64
    case emptyDictionary = 0x7D
    case appendAll = 0x65
    case get = 0x68
    case longGet = 0x6A
    case list = 0x6C
    case emptyList = 0x5D
    case put = 0x71
    case longPut = 0x72
    case setItem = 0x73
    case tuple = 0x74
    case emptyTuple = 0x29
    case setItems = 0x75
    case bytes = 0x42
    case shortBytes = 0x43
    case protocolVersion = 0x80
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case newObject = 0x81
    case newTrue = 0x88
    case newFalse = 0x89
    case long = 0x8A
    case shortUnicode = 0x8C
    case largeUnicode = 0x8D
    case largeBytes = 0x8E
    case emptySet = 0x8F
    case addItems = 0x90
    case frozenSet = 0x91
    case newObjectWithKeywords = 0x92
    case stackGlobal = 0x93
    case memoize = 0x94
    case frame = 0x95
    case byteArray = 0x96

    /// Python's name of an operation that is refused.
    static func refusedName(_ code: UInt8) -> String {
        names[code] ?? "0x" + String(code, radix: 16, uppercase: true)
    }

    /// The text operations of protocol 0, and operations that create objects of any class.
    private static let names: [UInt8: String] = [
        0x46: "FLOAT", 0x49: "INT", 0x4C: "LONG", 0x50: "PERSID", 0x53: "STRING", 0x56: "UNICODE",
        0x67: "GET", 0x69: "INST", 0x6F: "OBJ", 0x70: "PUT", 0x82: "EXT1",
        0x83: "EXT2", 0x84: "EXT4", 0x8B: "LONG4", 0x97: "NEXT_BUFFER",
        0x98: "READONLY_BUFFER",
    ]
}

/// Reads the bytes of a file in order, with one block of it in memory.
struct ByteStream {
    private let file: CheckpointFile
    /// The position of the next byte in the file.
    private(set) var position: Int
    private let end: Int
    private var window: [UInt8] = []
    private var windowStart = 0

    init(_ file: CheckpointFile, range: Range<Int>) {
        self.file = file
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func byte() throws(CheckpointError) -> UInt8 {
        if position - windowStart >= window.count { try fill() }
        defer { position += 1 }
        return window[position - windowStart]
    }

    mutating func bytes(_ count: Int) throws(CheckpointError) -> [UInt8] {
        guard count >= 0, count <= end - position else {
            throw .truncated("a pickled value of \(count) bytes", offset: position)
        }
        let start = position - windowStart
        position += count
        guard start <= window.count, count <= window.count - start else {
            return try file.bytes(at: position - count, count: count)
        }
        return [UInt8](window[start..<start + count])
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ type: Value.Type
    ) throws(CheckpointError) -> Value {
        try bytes(Value.bitWidth / 8).integer(at: 0, as: type)
    }

    /// Reads text up to a line feed, and skips the line feed.
    mutating func line() throws(CheckpointError) -> String {
        let start = position
        var bytes: [UInt8] = []
        while true {
            let next = try byte()
            if next == 0x0A { break }
            guard bytes.count < 512 else {
                throw .malformed("a name of more than 512 bytes", offset: start)
            }
            bytes.append(next)
        }
        guard let text = bytes.validUTF8 else {
            throw .malformed("a name that is not UTF-8", offset: start)
        }
        return text
    }

    private mutating func fill() throws(CheckpointError) {
        guard position < end else { throw .truncated("a pickle", offset: position) }
        window = try file.bytes(at: position, count: min(1 << 16, end - position))
        windowStart = position
    }
}
