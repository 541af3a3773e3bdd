extension Checkpoint {
    /// `.pth` since PyTorch 1.6: a zip archive of one pickle and one entry for each storage.
    static func readTorchZip(
        _ file: SourceFile, _ limits: Limits
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
        let dictionary = try StateDictionary(try unpickler.load(), in: unpickler.heap)
        var storages = TorchStorages(file: file, heap: unpickler.heap, limits: limits)
        var places: [String: Range<Int>] = [:]
        let tensors = try storages.tensors(dictionary) {
            storage throws(CheckpointError) -> Range<Int> in
            if let place = places[storage.key] { return place }
            let name = "\(folder)/data/\(storage.key)"
            guard let entry = archive.entries[name] else {
                throw .malformed("no zip entry '\(name)'", offset: pickle.range.lowerBound)
            }
            try archive.verify(entry)
            places[storage.key] = entry.range
            return entry.range
        }
        return Contents(
            tensors: tensors, ignoredNames: dictionary.ignoredNames,
            hasChecksums: archive.hasChecksums)
    }

    /// The entry `byteorder` exists since PyTorch 2.1; before, all files were little-endian.
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
