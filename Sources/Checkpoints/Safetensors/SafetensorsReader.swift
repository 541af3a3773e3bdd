extension Checkpoint {
    /// Safetensors: the header's length in 8 bytes, a JSON header, then the tensors without gaps.
    static func readSafetensors(
        _ file: SourceFile, _ limits: Limits
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
                throw .malformed("'\(entry.name)' has another size than its shape", offset: 8)
            }
            guard entry.begin == position - start else {
                throw .malformed("a gap or an overlap before '\(entry.name)'", offset: position)
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

    /// In the order in which the tensors lie in the file.
    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]

    /// - Parameters:
    ///   - bytes: the JSON, which starts at byte 8 of the file.
    ///   - limits: how much the file may ask for.
    /// - Throws: ``CheckpointError/malformed(_:offset:)`` with what is wrong, and where.
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
        // Empty tensors lie where the next one starts, hence before it.
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
            default: throw scanner.malformed("the unknown key '\(key)'")
            }
        }
        guard let type, let shape, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw scanner.malformed("an incomplete '\(name)'")
        }
        return Entry(
            name: name, elementType: type, shape: shape, begin: offsets[0], end: offsets[1])
    }
}
