import CZlib

/// A zip archive of uncompressed entries, as PyTorch writes it.
///
/// Compressed and encrypted entries, entries that overlap or exceed the file, and names that occur
/// twice are refused: PyTorch writes none of them, and each can hide data or multiply its size.
struct ZipArchive {
    /// An entry; `range` is the position of its data in the file.
    struct Entry {
        let name: String
        let checksum: UInt32
        let range: Range<Int>
    }

    let file: CheckpointFile
    let entries: [String: Entry]
    /// Whether the writer stored checksums.
    ///
    /// With `set_crc32_options(False)`, PyTorch stores 0 for *all* entries.
    let hasChecksums: Bool

    /// Reads the central directory and the local header of each entry.
    init(_ file: CheckpointFile, limits: Checkpoint.Limits) throws(CheckpointError) {
        let directory = try ZipDirectory(file, limits: limits)
        let bytes = try file.bytes(at: directory.range.lowerBound, count: directory.range.count)
        var entries: [String: Entry] = [:]
        var spans: [(range: Range<Int>, name: String)] = []
        var position = 0
        for _ in 0..<directory.entryCount {
            let record = try ZipRecord(bytes, at: position, directory.range.lowerBound)
            let data = try record.dataRange(in: file, before: directory.range.lowerBound)
            spans.append((record.headerOffset..<data.upperBound, record.name))
            let entry = Entry(name: record.name, checksum: record.checksum, range: data)
            guard entries.updateValue(entry, forKey: record.name) == nil else {
                throw .refusedEntry(record.name, .repeated)
            }
            position = record.end
        }
        guard position == bytes.count else {
            throw .malformed(
                "a zip directory with bytes left over",
                offset: directory.range.lowerBound + position)
        }
        spans.sort { $0.range.lowerBound < $1.range.lowerBound }
        for (one, next) in zip(spans, spans.dropFirst())
        where one.range.upperBound > next.range.lowerBound {
            throw .refusedEntry(next.name, .overlapping)
        }
        self.file = file
        self.entries = entries
        hasChecksums = entries.values.contains { $0.checksum != 0 && !$0.range.isEmpty }
    }

    /// Compares an entry with its CRC-32.
    ///
    /// A single wrong bit in a weight can change masks without any other sign.
    func verify(_ entry: Entry) throws(CheckpointError) {
        guard hasChecksums else { return }
        var checksum = crc32(0, nil, 0)
        try file.forEachBlock(in: entry.range) { block in
            checksum = crc32(
                checksum, block.bindMemory(to: UInt8.self).baseAddress, UInt32(block.count))
        }
        guard UInt32(checksum) == entry.checksum else { throw .wrongChecksum(entry: entry.name) }
    }
}

/// The position of a zip archive's central directory, from the records at the archive's end.
struct ZipDirectory {
    let range: Range<Int>
    let entryCount: Int

    /// Finds the end record, and the zip64 end record of large archives and of all that PyTorch
    /// writes.
    init(_ file: CheckpointFile, limits: Checkpoint.Limits) throws(CheckpointError) {
        let record = try Self.endRecord(of: file)
        let bytes = try file.bytes(at: record, count: 22)
        var fields = [4, 6, 8, 10].map { UInt64(bytes.integer(at: $0, as: UInt16.self)) }
        fields += [12, 16].map { UInt64(bytes.integer(at: $0, as: UInt32.self)) }
        let unknown: [UInt64] = [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF]
        var end = record
        if let large = try Self.largeEndRecord(of: file, before: record) {
            for index in fields.indices {
                guard fields[index] == large.fields[index] || fields[index] == unknown[index] else {
                    throw .malformed("the zip archive's two end records disagree", offset: record)
                }
            }
            fields = large.fields
            end = large.offset
        }
        guard fields[0] == 0, fields[1] == 0, fields[2] == fields[3],
            let count = Int(exactly: fields[3]), let size = Int(exactly: fields[4]),
            let start = Int(exactly: fields[5]), start <= end, size <= end - start,
            count <= size / 46
        else { throw .malformed("a zip directory outside the file", offset: record) }
        guard size <= limits.maximumHeaderBytes else {
            throw .tooLarge("bytes of zip directory", found: size, limit: limits.maximumHeaderBytes)
        }
        range = start..<start + size
        entryCount = count
    }

    /// The position of the end record, which is followed by a comment of at most 64 KB.
    private static func endRecord(of file: CheckpointFile) throws(CheckpointError) -> Int {
        let count = min(file.byteCount, 22 + 0xFFFF)
        let start = file.byteCount - count
        let tail = try file.bytes(at: start, count: count)
        for offset in stride(from: count - 22, through: 0, by: -1)
        where tail[offset] == 0x50 && tail.integer(at: offset, as: UInt32.self) == 0x0605_4B50 {
            let comment = Int(tail.integer(at: offset + 20, as: UInt16.self))
            if offset + 22 + comment == count { return start + offset }
        }
        throw .truncated("a zip archive without its end record", offset: 0)
    }

    private static func largeEndRecord(
        of file: CheckpointFile, before record: Int
    ) throws(CheckpointError) -> (offset: Int, fields: [UInt64])? {
        guard record >= 20 else { return nil }
        let locator = try file.bytes(at: record - 20, count: 20)
        guard locator.integer(at: 0, as: UInt32.self) == 0x0706_4B50 else { return nil }
        guard let offset = Int(exactly: locator.integer(at: 8, as: UInt64.self)),
            offset <= record - 20 - 56
        else { throw .malformed("a zip64 record outside the file", offset: record - 20) }
        let bytes = try file.bytes(at: offset, count: 56)
        guard bytes.integer(at: 0, as: UInt32.self) == 0x0606_4B50 else {
            throw .malformed("a missing zip64 record", offset: offset)
        }
        let disks = [16, 20].map { UInt64(bytes.integer(at: $0, as: UInt32.self)) }
        let rest = [24, 32, 40, 48].map { bytes.integer(at: $0, as: UInt64.self) }
        return (offset, disks + rest)
    }
}

/// A record of a zip archive's central directory.
struct ZipRecord {
    let name: String
    let checksum: UInt32
    let byteCount: Int
    /// The position of the entry's local header in the file.
    let headerOffset: Int
    /// The position of the next record in the directory.
    let end: Int

    /// - Parameters:
    ///   - bytes: the central directory.
    ///   - position: the position of the record in the directory.
    ///   - directoryOffset: the position of the directory in the file.
    /// - Throws: ``CheckpointError/refusedEntry(_:_:)`` for a compressed or encrypted entry.
    init(_ bytes: [UInt8], at position: Int, _ directoryOffset: Int) throws(CheckpointError) {
        let offset = directoryOffset + position
        guard bytes.count - position >= 46,
            bytes.integer(at: position, as: UInt32.self) == 0x0201_4B50
        else { throw .malformed("a missing record of a zip directory", offset: offset) }
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

    /// The position of the data; throws if the entry's local header contradicts this record.
    func dataRange(
        in file: CheckpointFile, before limit: Int
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

/// The zip64 field of a zip record: 64-bit values of the fields that do not fit 32 bits.
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

    /// The value of a field, or the next 64-bit value if the field is marked as too large.
    mutating func resolve(_ field: UInt32) throws(CheckpointError) -> UInt64 {
        guard field == .max else { return UInt64(field) }
        guard let value = values.popFirst() else {
            throw .malformed("a zip record without its 64-bit sizes", offset: fileOffset)
        }
        return value
    }
}
