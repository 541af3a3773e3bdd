/// Named tensors in a file.
///
/// The file stays open. The data of a tensor is read by ``StoredTensor/copy(into:)``, which also
/// explains why the file is not mapped into memory.
public struct Checkpoint: Sendable {
    /// How the tensors are stored.
    public enum Format: String, Sendable {
        /// `.safetensors`.
        case safetensors
        /// `.pth` as PyTorch has written it since version 1.6.
        case pytorchZip
        /// `.pth` as PyTorch wrote it before version 1.6, and still does on request.
        case pytorchLegacy
    }

    /// Names of the tensors, in file order.
    public let names: [String]
    /// The metadata of the file: `__metadata__` of safetensors, empty for `.pth`.
    public let metadata: [String: String]
    /// The format, detected from the content.
    public let format: Format
    /// The wrappers' prefix, such as `module.` or `_orig_mod.model.`, if all names in the file have it;
    /// ``names`` do not contain the prefix.
    public let strippedPrefix: String?
    /// Entries of the state dictionary that are not tensors, such as `epoch`.
    public let ignoredNames: [String]
    /// Whether the file has checksums, all of which were correct.
    ///
    /// Only the zip format has checksums, unless its writer turned them off. Damage in the other
    /// formats is not detected: compare ``sha256`` with a published value.
    public let hasChecksums: Bool

    private let tensors: [String: StoredTensor]
    private let file: CheckpointFile

    init(
        _ contents: Contents, format: Format, file: CheckpointFile
    ) throws(CheckpointError) {
        let prefix = Self.wrapperPrefix(of: contents)
        strippedPrefix = prefix.isEmpty ? nil : prefix
        var names: [String] = []
        var tensors: [String: StoredTensor] = [:]
        for (fullName, tensor) in contents.tensors {
            let name = String(fullName.dropFirst(prefix.count))
            guard tensors.updateValue(tensor, forKey: name) == nil else {
                throw .duplicateName(name)
            }
            names.append(name)
        }
        self.names = names
        self.tensors = tensors
        self.format = format
        self.file = file
        metadata = contents.metadata
        ignoredNames = contents.ignoredNames
        hasChecksums = contents.hasChecksums
    }

    /// What programs put before the names of a network that they wrap: `DataParallel`,
    /// `torch.compile`, Lightning, and classes that hold the network as a property.
    private static let wrapperPrefixes = ["module.", "_orig_mod.", "model.", "net.", "network."]

    /// The prefixes that all names have, one after the other.
    private static func wrapperPrefix(of contents: Contents) -> String {
        // The state of a training has prefixes of its own, which resuming needs.
        let isState = contents.metadata["samus.training.progress"] != nil
        guard let first = contents.tensors.first?.name, !isState else { return "" }
        var prefix = ""
        while let next = wrapperPrefixes.first(where: { first.hasPrefix(prefix + $0) }),
            contents.tensors.allSatisfy({
                $0.name.hasPrefix(prefix + next) && $0.name != prefix + next
            })
        {
            prefix += next
        }
        return prefix
    }

    /// The tensor of this name; nil if there is none.
    public subscript(name: String) -> StoredTensor? {
        tensors[name]
    }

    /// Checks that no weight is NaN or infinite; reads the whole file.
    ///
    /// - Throws: ``CheckpointError/notFinite(tensor:)`` for the first such tensor, and errors of
    ///   reading.
    public func checkFinite() throws(CheckpointError) {
        for name in names {
            guard let tensor = tensors[name], tensor.elementType.isFloatingPoint else { continue }
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: tensor.byteCount, alignment: 16)
            defer { buffer.deallocate() }
            try tensor.finite(named: name).copy(into: buffer)
        }
    }

    /// The path of the file.
    public var path: String { file.path }

    /// SHA-256 of the whole file, in hexadecimal.
    ///
    /// Computed at the first use from the open file, then cached.
    public var sha256: String {
        get throws(CheckpointError) { try file.sha256() }
    }
}

/// What the reader of a format has read.
struct Contents {
    var tensors: [(name: String, tensor: StoredTensor)] = []
    var metadata: [String: String] = [:]
    var ignoredNames: [String] = []
    var hasChecksums = false
}

extension Checkpoint {
    /// Opens and checks a `.pth` or safetensors file, without reading the data of its tensors.
    ///
    /// The format is detected from the content; the file name does not matter. In a `.pth`, the
    /// weights may be in a dictionary under `state_dict`, `model_state_dict` or `model`, or in the only
    /// dictionary of tensors beside the state of an optimizer. A prefix of wrappers that all names
    /// share, as `DataParallel`, `torch.compile` and Lightning write it, is removed. No code in the
    /// file is run.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: the largest accepted sizes and counts.
    /// - Returns: the names, shapes and positions of all tensors.
    /// - Throws: ``CheckpointError`` with the cause and the position in the file.
    public static func read(
        _ path: String, limits: Limits = .standard
    ) throws(CheckpointError) -> Checkpoint {
        let file = try CheckpointFile(path)
        let format = try detectFormat(of: file)
        let contents: Contents
        switch format {
        case .safetensors: contents = try readSafetensors(file, limits)
        case .pytorchZip: contents = try readTorchZip(file, limits)
        case .pytorchLegacy: contents = try readTorchLegacy(file, limits)
        }
        try file.checkUnchanged()
        return try Checkpoint(contents, format: format, file: file)
    }

    private static func detectFormat(
        of file: CheckpointFile
    ) throws(CheckpointError) -> Format {
        let start = try file.bytes(at: 0, count: min(512, file.byteCount))
        // The length of a header may look like the start of another format, but its upper half is 0.
        let isJSON = start.count >= 9 && start[8] == UInt8(ascii: "{")
        if isJSON, start[4..<8].allSatisfy({ $0 == 0 }) { return .safetensors }
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pytorchZip }
        // A pickle of protocol 2 to 5; the reader checks the magic number.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { return .pytorchLegacy }
        let other = CheckpointError.OtherFormat.detect(start)
        throw .notACheckpoint(path: file.path, other ?? .unknown)
    }
}

extension CheckpointError.OtherFormat {
    /// Detects the files that are most often mistaken for weights by their first bytes.
    fileprivate static func detect(_ start: [UInt8]) -> Self? {
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

extension Checkpoint {
    /// The largest sizes and counts of a file that is accepted.
    ///
    /// Reading allocates at most 256 bytes for each byte of pickle, header or zip directory, and a
    /// few blocks of 1 MB. Copying all tensors takes at most ``maximumExpansion`` times the size of
    /// the file.
    public struct Limits: Sendable {
        /// Number of tensors in a file.
        public var maximumTensors = 100_000
        /// Number of axes of a tensor; PyTorch's own limit is 64.
        public var maximumRank = 64
        /// Total size of all tensors as a multiple of the file's size.
        ///
        /// Tied weights and expanded views can be larger than the file that stores them; with
        /// strides of 0 there is no bound.
        public var maximumExpansion = 8
        /// Size in bytes of a safetensors header, a pickle or a zip directory.
        public var maximumHeaderBytes = 100_000_000
        /// Number of operations in all pickles of a file; a tensor takes about thirty.
        public var maximumPickleOperations = 1_000_000

        /// Limits far above what any published segmentation model needs.
        public static let standard = Limits()

        /// The standard limits, each of which can be changed.
        public init() {}
    }
}
