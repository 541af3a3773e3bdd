extension Checkpoint {
    /// Reads a `.pth` from PyTorch 1.6 or later: a zip archive with a pickle and an entry for each
    /// storage.
    static func readTorchZip(
        _ file: CheckpointFile, _ limits: Limits
    ) throws(CheckpointError) -> Contents {
        let archive: ZipArchive
        do throws(CheckpointError) {
            archive = try ZipArchive(file, limits: limits)
        } catch .refusedEntry(let name, .compressed) where name.contains("/code/__torch__") {
            throw .notACheckpoint(path: file.path, .torchScript)
        }
        let suffix = "/data.pkl"
        let pickles = archive.entries.values.filter { entry in
            entry.name.hasSuffix(suffix) && !entry.name.dropLast(suffix.count).contains("/")
        }
        guard let pickle = pickles.first, pickles.count == 1 else {
            throw .notACheckpoint(path: file.path, .zip)
        }
        let folder = String(pickle.name.dropLast(suffix.count))
        guard archive.entries[folder + "/constants.pkl"] == nil else {
            throw .notACheckpoint(path: file.path, .torchScript)
        }
        try checkByteOrder(archive, folder)
        guard pickle.range.count <= limits.maximumHeaderBytes else {
            throw .tooLarge(
                "bytes of pickle", found: pickle.range.count, limit: limits.maximumHeaderBytes)
        }
        try archive.verify(pickle)

        var unpickler = Unpickler(ByteStream(file, range: pickle.range), limits: limits)
        let root = try unpickler.load()
        let dictionary = try PickledStateDictionary(
            root, in: unpickler.heap, firstUnknown: unpickler.firstUnknown)
        var storages = TorchStorages(file: file, heap: unpickler.heap, limits: limits)
        var places: [String: Range<Int>] = [:]
        let tensors = try storages.tensors(dictionary) {
            storage throws(CheckpointError) -> Range<Int> in
            if let place = places[storage.key] { return place }
            let name = "\(folder)/data/\(storage.key)"
            guard let entry = archive.entries[name] else {
                throw .malformed(
                    "a missing zip entry '\(name)'", offset: pickle.range.lowerBound)
            }
            try archive.verify(entry)
            places[storage.key] = entry.range
            return entry.range
        }
        return Contents(
            tensors: tensors, ignoredNames: dictionary.ignoredNames,
            hasChecksums: archive.hasChecksums)
    }

    /// Checks the entry `byteorder`, which exists since PyTorch 2.1; earlier files are little-endian.
    private static func checkByteOrder(
        _ archive: ZipArchive, _ folder: String
    ) throws(CheckpointError) {
        guard let entry = archive.entries[folder + "/byteorder"] else { return }
        try archive.verify(entry)
        let order = try archive.file.bytes(
            at: entry.range.lowerBound, count: min(entry.range.count, 16))
        if order.elementsEqual("big".utf8) { throw .bigEndian }
        guard order.elementsEqual("little".utf8) else {
            throw .malformed("an unknown byte order", offset: entry.range.lowerBound)
        }
    }
}

/// Converts tensors of a pickle to tensors in the file.
struct TorchStorages {
    /// The byte range of a storage in the file.
    typealias Place = Range<Int>

    let file: CheckpointFile
    let heap: PickleHeap
    let limits: Checkpoint.Limits
    private var byteCount = 0

    init(file: CheckpointFile, heap: PickleHeap, limits: Checkpoint.Limits) {
        self.file = file
        self.heap = heap
        self.limits = limits
    }

    /// The tensors of a state dictionary; checks that each is inside its storage.
    ///
    /// - Parameters:
    ///   - dictionary: names and pickled tensors.
    ///   - place: returns the byte range of a storage; throws if the storage is missing.
    /// - Returns: names and tensors, in file order.
    /// - Throws: ``CheckpointError``, for example ``CheckpointError/tensorOutOfRange(_:)``.
    mutating func tensors(
        _ dictionary: PickledStateDictionary,
        place: (PickledStorage) throws(CheckpointError) -> Place
    ) throws(CheckpointError) -> [(name: String, tensor: StoredTensor)] {
        guard dictionary.tensors.count <= limits.maximumTensors else {
            throw .tooLarge(
                "tensors", found: dictionary.tensors.count, limit: limits.maximumTensors)
        }
        var result: [(name: String, tensor: StoredTensor)] = []
        for (name, index) in dictionary.tensors {
            let pickled = heap.tensors[index]
            let storage = heap.storages[pickled.storage]
            guard let type = ElementType(rawValue: pickled.elementName) else {
                throw .unsupportedElementType(pickled.elementName, tensor: name)
            }
            let bytes = try part(of: place(storage), storage, tensor: name)
            let tensor = try locate(pickled, type, in: bytes, name: name)
            try account(for: tensor)
            result.append((name, tensor))
        }
        return result
    }

    /// The byte range of a storage; a part of it if the storage is a view.
    private func part(
        of place: Place, _ storage: PickledStorage, tensor: String
    ) throws(CheckpointError) -> Place {
        guard let view = storage.view else { return place }
        guard let type = ElementType(rawValue: storage.elementName) else {
            throw .unsupportedElementType(storage.elementName, tensor: tensor)
        }
        let (end, overflows) = view.upperBound.multipliedReportingOverflow(by: type.byteCount)
        guard !overflows, end <= place.count else { throw .tensorOutOfRange(tensor) }
        let start = place.lowerBound + view.lowerBound * type.byteCount
        return start..<place.lowerBound + end
    }

    private func locate(
        _ pickled: PickledTensor, _ type: ElementType, in bytes: Place, name: String
    ) throws(CheckpointError) -> StoredTensor {
        guard let shape = heap.integers(in: pickled.shape),
            let strides = heap.integers(in: pickled.strides),
            shape.count == strides.count, shape.count <= limits.maximumRank,
            shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 })
        else {
            throw .malformed(
                "invalid shape or strides of '\(name)'", offset: bytes.lowerBound)
        }
        let available = bytes.count / type.byteCount
        let isEmpty = shape.contains(0)
        // The index of the last element: offset + sum of (length - 1) * stride.
        var last = isEmpty ? 0 : pickled.offset
        if !isEmpty {
            for (length, stride) in zip(shape, strides) {
                let (reach, overflows) = (length - 1).multipliedReportingOverflow(by: stride)
                let (sum, overflowsToo) = last.addingReportingOverflow(reach)
                guard !overflows, !overflowsToo else { throw .tensorOutOfRange(name) }
                last = sum
            }
            guard last < available else { throw .tensorOutOfRange(name) }
        }
        let start = bytes.lowerBound + (isEmpty ? 0 : pickled.offset * type.byteCount)
        guard
            let tensor = StoredTensor(
                elementType: type, shape: shape, strides: strides,
                source: .file(file, offset: start))
        else { throw .tensorOutOfRange(name) }
        return tensor
    }

    /// Adds a tensor to the total size, which is limited to a multiple of the file's size.
    private mutating func account(for tensor: StoredTensor) throws(CheckpointError) {
        let (limit, isUnbounded) = file.byteCount.multipliedReportingOverflow(
            by: limits.maximumExpansion)
        let (sum, overflows) = byteCount.addingReportingOverflow(tensor.byteCount)
        guard isUnbounded || !overflows && sum <= limit else {
            throw .tooLarge(
                "bytes of all tensors", found: overflows ? .max : sum, limit: limit)
        }
        byteCount = sum
    }
}
