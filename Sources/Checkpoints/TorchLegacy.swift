extension Checkpoint {
    /// PyTorch's magic number `0x1950a86a20f9469cfc6c`, as stored in a pickle.
    private static let magicNumber: [UInt8] = [
        0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
    ]

    /// Reads a `.pth` from before PyTorch 1.6: five pickles, then each storage after its element
    /// count.
    ///
    /// The pickles are a magic number, the version of the protocol, properties of the machine, the
    /// object, and the keys of the storages in their order.
    static func readTorchLegacy(
        _ file: CheckpointFile, _ limits: Limits
    ) throws(CheckpointError) -> Contents {
        var unpickler = Unpickler(
            ByteStream(file, range: 0..<min(file.byteCount, limits.maximumHeaderBytes)),
            limits: limits)
        guard case .longInteger(magicNumber) = try unpickler.load() else {
            throw .notACheckpoint(path: file.path, .pickle)
        }
        let versionOffset = unpickler.stream.position
        guard case .integer(1001) = try unpickler.load() else {
            throw .malformed("an unknown version of PyTorch's format", offset: versionOffset)
        }
        try checkMachine(try unpickler.load(), unpickler)
        let root = try unpickler.load()
        let keysOffset = unpickler.stream.position
        let list = try unpickler.load()
        let heap = unpickler.heap
        guard let keys = heap.items(of: list, .list) else {
            throw .malformed("a missing list of storages", offset: keysOffset)
        }
        let places = try locateStorages(keys, heap, from: unpickler.stream.position, in: file)
        let dictionary = try PickledStateDictionary(
            root, in: heap, firstUnknown: unpickler.firstUnknown)
        var storages = TorchStorages(file: file, heap: heap, limits: limits)
        let tensors = try storages.tensors(dictionary) {
            storage throws(CheckpointError) -> Range<Int> in
            guard let place = places[storage.key] else {
                throw .malformed("a missing storage '\(storage.key)'", offset: keysOffset)
            }
            return place
        }
        return Contents(tensors: tensors, ignoredNames: dictionary.ignoredNames)
    }

    private static func checkMachine(
        _ value: PickleValue, _ unpickler: Unpickler
    ) throws(CheckpointError) {
        guard let items = unpickler.heap.items(of: value, .dictionary) else {
            throw .malformed(
                "missing properties of the machine", offset: unpickler.operationOffset)
        }
        for (key, value) in zip(items, items.dropFirst()) {
            if case .text("little_endian") = key, case .boolean(false) = value {
                throw .bigEndian
            }
        }
    }

    /// Finds the byte range of each storage; a storage starts with its number of elements.
    ///
    /// The element size is that of the first reference to the storage in the pickle.
    private static func locateStorages(
        _ keys: [PickleValue], _ heap: PickleHeap, from start: Int, in file: CheckpointFile
    ) throws(CheckpointError) -> [String: Range<Int>] {
        var first: [String: PickledStorage] = [:]
        for storage in heap.storages where first[storage.key] == nil {
            first[storage.key] = storage
        }
        var places: [String: Range<Int>] = [:]
        var position = start
        for key in keys {
            guard case .text(let key) = key, let storage = first[key], places[key] == nil else {
                throw .malformed("a storage that nothing refers to", offset: position)
            }
            let size = try byteCount(of: storage)
            let count = Int(
                truncatingIfNeeded: try file.bytes(at: position, count: 8)
                    .integer(at: 0, as: UInt64.self))
            guard count == storage.elementCount else {
                throw .malformed(
                    "storage '\(key)' with another number of elements", offset: position)
            }
            let (bytes, overflows) = count.multipliedReportingOverflow(by: size)
            guard !overflows, bytes <= file.byteCount - position - 8 else {
                throw .truncated("storage '\(key)'", offset: position)
            }
            places[key] = position + 8..<position + 8 + bytes
            position += 8 + bytes
        }
        guard position == file.byteCount else {
            throw .malformed("bytes after the last storage", offset: position)
        }
        return places
    }

    /// Size of an element in bytes, also for unsupported types, to find the storages that follow.
    private static func byteCount(of storage: PickledStorage) throws(CheckpointError) -> Int {
        if let type = ElementType(rawValue: storage.elementName) { return type.byteCount }
        switch storage.elementName {
        case "complex128": return 16
        case "complex64": return 8
        case "qint32": return 4
        case "untyped", "qint8", "quint8", "quint4x2", "quint2x4": return 1
        default: throw .unsupportedElementType(storage.elementName, tensor: storage.key)
        }
    }
}
