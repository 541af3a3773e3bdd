/// One record of a zip archive's central directory.
struct ZipRecord {
    let name: String
    let checksum: UInt32
    let byteCount: Int
    /// Where the entry's own header lies in the file.
    let headerOffset: Int
    /// Where the next record starts in the directory.
    let end: Int

    /// - Parameters:
    ///   - bytes: the central directory.
    ///   - position: where the record starts in it.
    ///   - directoryOffset: where the directory starts in the file.
    /// - Throws: ``CheckpointError/refusedEntry(_:_:)`` for what is compressed or encrypted.
    init(_ bytes: [UInt8], at position: Int, _ directoryOffset: Int) throws(CheckpointError) {
        let offset = directoryOffset + position
        guard bytes.count - position >= 46,
            bytes.integer(at: position, as: UInt32.self) == 0x0201_4B50
        else { throw .malformed("no record of a zip directory", offset: offset) }
        let lengths = [28, 30, 32].map { Int(bytes.integer(at: position + $0, as: UInt16.self)) }
        let extraStart = position + 46 + lengths[0]
        end = extraStart + lengths[1] + lengths[2]
        guard end <= bytes.count,
            let name = [UInt8](bytes[position + 46..<extraStart]).validUTF8
        else { throw .malformed("a damaged record of a zip directory", offset: offset) }
        let flags = bytes.integer(at: position + 8, as: UInt16.self)
        // Bits 0, 6 and 13: encryption, strong encryption, masked headers.
        guard flags & 0x2041 == 0 else { throw .refusedEntry(name, .encrypted) }
        guard bytes.integer(at: position + 10, as: UInt16.self) == 0 else {
            throw .refusedEntry(name, .compressed)
        }
        var large = try ZipLargeField(
            [UInt8](bytes[extraStart..<extraStart + lengths[1]]), fileOffset: offset)
        let size = try large.resolve(bytes.integer(at: position + 24, as: UInt32.self))
        let stored = try large.resolve(bytes.integer(at: position + 20, as: UInt32.self))
        let header = try large.resolve(bytes.integer(at: position + 42, as: UInt32.self))
        guard size == stored else { throw .refusedEntry(name, .compressed) }
        guard let size = Int(exactly: size), let header = Int(exactly: header) else {
            throw .refusedEntry(name, .outOfRange)
        }
        self.name = name
        checksum = bytes.integer(at: position + 16, as: UInt32.self)
        byteCount = size
        headerOffset = header
    }

    /// Where the data lies, by the entry's own header, which must not contradict this record.
    func dataRange(
        in file: SourceFile, before limit: Int
    ) throws(CheckpointError) -> Range<Int> {
        guard headerOffset <= limit, limit - headerOffset >= 30 else {
            throw .refusedEntry(name, .outOfRange)
        }
        let nameLength = name.utf8.count
        let header = try file.bytes(
            at: headerOffset, count: min(30 + nameLength, limit - headerOffset))
        guard header.integer(at: 0, as: UInt32.self) == 0x0403_4B50,
            header.integer(at: 6, as: UInt16.self) & 0x2041 == 0,
            header.integer(at: 8, as: UInt16.self) == 0,
            Int(header.integer(at: 26, as: UInt16.self)) == nameLength,
            header.dropFirst(30).elementsEqual(name.utf8)
        else {
            throw .malformed("a zip entry that contradicts the directory", offset: headerOffset)
        }
        let extraLength = Int(header.integer(at: 28, as: UInt16.self))
        let start = headerOffset + 30 + nameLength + extraLength
        guard start <= limit, byteCount <= limit - start else {
            throw .refusedEntry(name, .outOfRange)
        }
        return start..<start + byteCount
    }
}

/// The 64-bit sizes of a zip record, for those of its fields that do not fit 32 bits.
private struct ZipLargeField {
    private var values: ArraySlice<UInt64> = []
    private let fileOffset: Int

    init(_ extra: [UInt8], fileOffset: Int) throws(CheckpointError) {
        self.fileOffset = fileOffset
        var position = 0
        while extra.count - position >= 4 {
            let kind = extra.integer(at: position, as: UInt16.self)
            let length = Int(extra.integer(at: position + 2, as: UInt16.self))
            position += 4
            guard length <= extra.count - position else {
                throw .malformed("a damaged extra field of a zip record", offset: fileOffset)
            }
            if kind == 1 {
                let offsets = stride(from: position, to: position + length - 7, by: 8)
                values = offsets.map { extra.integer(at: $0, as: UInt64.self) }[...]
            }
            position += length
        }
    }

    /// The field itself, or the next 64-bit value when it says that it does not fit.
    mutating func resolve(_ field: UInt32) throws(CheckpointError) -> UInt64 {
        guard field == .max else { return UInt64(field) }
        guard let value = values.popFirst() else {
            throw .malformed("a zip record without its 64-bit sizes", offset: fileOffset)
        }
        return value
    }
}
