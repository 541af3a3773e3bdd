import CZlib

/// A zip archive whose entries are stored as they are, such as PyTorch writes.
///
/// Compressed and encrypted entries, entries that overlap or reach outside the file, and names that
/// occur twice are refused: PyTorch makes none of them, and each is a way to hide or blow up data.
struct ZipArchive {
    /// One stored file; `range` is its data in the archive.
    struct Entry {
        let name: String
        let checksum: UInt32
        let range: Range<Int>
    }

    let file: SourceFile
    let entries: [String: Entry]
    /// Whether the writer stored checksums.
    ///
    /// PyTorch can be told not to (`set_crc32_options`), and then stores 0 for *all* entries.
    let hasChecksums: Bool

    /// Reads the central directory and every entry's own header.
    init(_ file: SourceFile, limits: Checkpoint.Limits) throws(CheckpointError) {
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
    /// One wrong bit in a weight gives an outline that is wrong and looks right.
    func verify(_ entry: Entry) throws(CheckpointError) {
        guard hasChecksums else { return }
        var checksum = crc32(0, nil, 0)
        try file.forEachBlock(of: entry.range) { block in
            checksum = crc32(
                checksum, block.bindMemory(to: UInt8.self).baseAddress, UInt32(block.count))
        }
        guard UInt32(checksum) == entry.checksum else { throw .wrongChecksum(entry: entry.name) }
    }
}
