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
    private let file: SourceFile

    init(
        _ contents: Contents, format: Format, file: SourceFile
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
