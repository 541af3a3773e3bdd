/// Where a zip archive's central directory lies, from the records at its end.
struct ZipDirectory {
    let range: Range<Int>
    let entryCount: Int

    /// Finds the end record, and the 64-bit one that large archives (and all of PyTorch's) have.
    init(_ file: SourceFile, limits: Checkpoint.Limits) throws(CheckpointError) {
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

    /// The end record lies at the end, but for a comment of at most 64 KB.
    private static func endRecord(of file: SourceFile) throws(CheckpointError) -> Int {
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
        of file: SourceFile, before record: Int
    ) throws(CheckpointError) -> (offset: Int, fields: [UInt64])? {
        guard record >= 20 else { return nil }
        let locator = try file.bytes(at: record - 20, count: 20)
        guard locator.integer(at: 0, as: UInt32.self) == 0x0706_4B50 else { return nil }
        guard let offset = Int(exactly: locator.integer(at: 8, as: UInt64.self)),
            offset <= record - 20 - 56
        else { throw .malformed("a zip64 record outside the file", offset: record - 20) }
        let bytes = try file.bytes(at: offset, count: 56)
        guard bytes.integer(at: 0, as: UInt32.self) == 0x0606_4B50 else {
            throw .malformed("no zip64 record where it should be", offset: offset)
        }
        let disks = [16, 20].map { UInt64(bytes.integer(at: $0, as: UInt32.self)) }
        let rest = [24, 32, 40, 48].map { bytes.integer(at: $0, as: UInt64.self) }
        return (offset, disks + rest)
    }
}
