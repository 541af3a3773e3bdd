extension Checkpoint {
    /// Opens and checks a `.pth` or safetensors file; its tensors stay there until copied.
    ///
    /// The format is recognized by content, whatever the file is called. In a `.pth`, the weights
    /// may lie in a dictionary under `state_dict`, `model_state_dict` or `model`. A prefix `module.`
    /// that all names share, as `DataParallel` leaves it, is taken off. No code in the file is run.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: how much the file may ask for.
    /// - Returns: the names, shapes and places of all tensors.
    /// - Throws: ``CheckpointError`` with what is wrong, and where.
    public static func read(
        _ path: String, limits: Limits = .standard
    ) throws(CheckpointError) -> Checkpoint {
        let file = try SourceFile(path)
        let format = try recognize(file)
        let contents: Contents
        switch format {
        case .safetensors: contents = try readSafetensors(file, limits)
        case .pytorchZip: contents = try readTorchZip(file, limits)
        case .pytorchLegacy: contents = try readTorchLegacy(file, limits)
        }
        try file.checkUnchanged()
        return try Checkpoint(contents, format: format, file: file)
    }

    private static func recognize(_ file: SourceFile) throws(CheckpointError) -> Format {
        let start = try file.bytes(at: 0, count: min(512, file.byteCount))
        // The length of a header may look like the start of another format, but it ends in zeros.
        let isJSON = start.count >= 9 && start[8] == UInt8(ascii: "{")
        if isJSON, start[4..<8].allSatisfy({ $0 == 0 }) { return .safetensors }
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pytorchZip }
        // A pickle of protocol 2 to 5; whether the magic number follows is for the reader.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { return .pytorchLegacy }
        if let lookalike = Lookalike.recognize(start) {
            throw .notACheckpoint(path: file.path, lookalike)
        }
        throw .notACheckpoint(path: file.path, .unknown)
    }

    private typealias Lookalike = CheckpointError.Lookalike
}

extension CheckpointError.Lookalike {
    /// What people mistake for weights most often, by its first bytes.
    fileprivate static func recognize(_ start: [UInt8]) -> Self? {
        if start.starts(with: [0x1F, 0x8B]) { return .gzip }
        if start.starts(with: [0x89, 0x48, 0x44, 0x46]) { return .hdf5 }
        if start.count > 262, start[257..<262].elementsEqual("ustar".utf8) { return .tar }
        let text = String(decoding: start, as: UTF8.self)
            .drop(while: { $0.isWhitespace || $0 == "\u{FEFF}" }).lowercased()
        if text.hasPrefix("version https://git-lfs") { return .gitLFSPointer }
        if ["<!doctype", "<html", "<head", "<?xml"].contains(where: text.hasPrefix) {
            return .webPage
        }
        let isText = start.allSatisfy { $0 >= 0x20 || [0x09, 0x0A, 0x0D].contains($0) }
        return isText ? .text : nil
    }
}
