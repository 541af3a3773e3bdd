/// Bytes of a file, one after the other; never more in memory than asked for and present.
struct ByteStream {
    private let file: SourceFile
    /// Where the next byte lies in the file.
    private(set) var position: Int
    private let end: Int
    private var window: [UInt8] = []
    private var windowStart = 0

    init(_ file: SourceFile, range: Range<Int>) {
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

    /// Text up to a line feed, which is taken too.
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
