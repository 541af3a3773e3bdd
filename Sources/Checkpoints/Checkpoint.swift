/// Named tensors in a file.
///
/// The file stays open, and tensors stay in it, until they are copied out with
/// ``StoredTensor/copy(into:)``. Nothing is mapped: see there for why.
public struct Checkpoint: Sendable {
    /// How the tensors are stored.
    public enum Format: String, Sendable {
        /// `.safetensors`, whoever wrote it.
        case safetensors
        /// `.pth` as PyTorch writes since 1.6.
        case pytorchZip
        /// `.pth` as PyTorch wrote before 1.6, and still does on request.
        case pytorchLegacy
    }

    /// Names of the tensors, in file order.
    public let names: [String]
    /// Remarks kept beside the tensors: `__metadata__` of safetensors, empty for `.pth`.
    public let metadata: [String: String]
    /// The format, recognized by content.
    public let format: Format
    /// The prefix `module.` when all names in the file have it; ``names`` are without.
    public let strippedPrefix: String?
    /// Entries beside the tensors that are not tensors, such as `epoch`.
    public let ignoredNames: [String]
    /// Whether the file carries checksums, which then have been found correct.
    ///
    /// Only the zip form does, unless its writer turned them off; damage elsewhere goes unseen, so
    /// that comparing ``sha256`` with a published value is worth the time.
    public let hasChecksums: Bool

    private let tensors: [String: StoredTensor]
    private let file: CheckpointFile

    init(
        _ contents: Contents, format: Format, file: CheckpointFile
    ) throws(CheckpointError) {
        let prefix = "module."
        let isParallel =
            !contents.tensors.isEmpty
            && contents.tensors.allSatisfy { $0.name.hasPrefix(prefix) && $0.name != prefix }
        strippedPrefix = isParallel ? prefix : nil
        var names: [String] = []
        var tensors: [String: StoredTensor] = [:]
        for (fullName, tensor) in contents.tensors {
            let name = isParallel ? String(fullName.dropFirst(prefix.count)) : fullName
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

    /// The tensor of that name, or nil when there is none.
    public subscript(name: String) -> StoredTensor? {
        tensors[name]
    }

    /// The path this was read from.
    public var path: String { file.path }

    /// SHA-256 of the whole file, in hexadecimal.
    ///
    /// Computed at the first use, from the same open file as the tensors, and kept.
    public var sha256: String {
        get throws(CheckpointError) { try file.sha256() }
    }
}

/// What a reader of one format found.
struct Contents {
    var tensors: [(name: String, tensor: StoredTensor)] = []
    var metadata: [String: String] = [:]
    var ignoredNames: [String] = []
    var hasChecksums = false
}

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
        let file = try CheckpointFile(path)
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

    private static func recognize(_ file: CheckpointFile) throws(CheckpointError) -> Format {
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

extension Checkpoint {
    /// How much a file may ask for before it is refused.
    ///
    /// Reading allocates at most 256 bytes for each byte of pickle, header or zip directory, and a
    /// few blocks of 1 MB; copying all tensors at most ``maximumExpansion`` times the file.
    public struct Limits: Sendable {
        /// Tensors in one file.
        public var maximumTensors = 100_000
        /// Axes of one tensor; PyTorch itself stops at 64.
        public var maximumRank = 64
        /// Bytes of all tensors together, as multiples of the file.
        ///
        /// Tied weights and expanded views make a file's tensors larger than the file; strides of 0
        /// can make them larger without end.
        public var maximumExpansion = 8
        /// Bytes of a safetensors header, of a pickle and of a zip directory.
        public var maximumHeaderBytes = 100_000_000
        /// Operations of the pickles of one file; one tensor takes about thirty.
        public var maximumPickleOperations = 1_000_000

        /// Limits far above those of any published segmentation model.
        public static let standard = Limits()

        /// The standard limits, to be changed one by one.
        public init() {}
    }
}
