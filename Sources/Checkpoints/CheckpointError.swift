/// Why a checkpoint cannot be read or written.
///
/// An `offset` is a position in bytes from the start of the file.
public enum CheckpointError: Error, Equatable, Sendable {
    /// There is no file at the path.
    case notFound(path: String)
    /// A folder, a device or a pipe is at the path.
    case notAFile(path: String)
    /// The user may not read the file.
    case notPermitted(path: String)
    /// Reading failed, with the operating system's reason.
    case readFailed(path: String, reason: String)
    /// Writing failed, with the operating system's reason.
    case writeFailed(path: String, reason: String)
    /// The file was written to after it had been opened and checked.
    case changedWhileOpen(path: String)
    /// The file has no bytes.
    case empty(path: String)
    /// The file has another format.
    case notACheckpoint(path: String, OtherFormat)

    /// The file ends inside the named part, which starts at `offset`.
    case truncated(String, offset: Int)
    /// The file violates its format; the text states how.
    case malformed(String, offset: Int)
    /// A pickle refers to a class or function that is not allowed.
    case forbiddenGlobal(String, offset: Int)
    /// A pickle contains an operation that is not allowed.
    case forbiddenOperation(String, offset: Int)
    /// A zip archive has an entry that PyTorch would not have written.
    case refusedEntry(String, EntryFault)
    /// The bytes of a zip entry do not match its checksum.
    case wrongChecksum(entry: String)
    /// The file was written on a big-endian machine.
    case bigEndian
    /// The file exceeds one of the ``Checkpoint/Limits``.
    case tooLarge(String, found: Int, limit: Int)

    /// A tensor's element type is not an ``ElementType``.
    case unsupportedElementType(String, tensor: String)
    /// A tensor's shape and strides exceed its storage.
    case tensorOutOfRange(String)
    /// A tensor contains NaN or infinity where only finite numbers are allowed.
    case notFinite(tensor: String)
    /// A number is too large for the element type in which it would be written.
    case outOfRange(tensor: String, value: String, type: ElementType)
    /// Two tensors have the same name, or a header has the same key twice.
    case duplicateName(String)
    /// The file contains no dictionary of tensors; `keys` are the first ten top-level keys.
    case noTensors(keys: [String])
    /// There are weights under more than one key.
    case severalStateDictionaries([String])

    /// The format of a file that is not a checkpoint.
    public enum OtherFormat: String, Sendable {
        case webPage = "a web page"
        case gitLFSPointer = "a git-lfs pointer instead of the weights: run 'git lfs pull'"
        case text = "text"
        case tar = "a tar archive, as PyTorch wrote before version 0.1.10"
        case gzip = "a gzip archive: unpack it first"
        case hdf5 = "an HDF5 file"
        case pickle = "a pickle without PyTorch's header"
        case zip = "a zip archive that PyTorch did not write"
        case torchScript = "a TorchScript program, not a dictionary of weights"
        case unknown = "a file of an unknown format"
    }

    /// Why an entry of a zip archive is refused.
    public enum EntryFault: String, Sendable {
        case compressed = "compressed, which PyTorch never writes"
        case encrypted = "encrypted"
        case overlapping = "stored in the same bytes as another entry"
        case outOfRange = "outside the file"
        case repeated = "in the archive twice"
    }
}

extension CheckpointError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notFound(let path): "'\(path)' does not exist"
        case .notAFile(let path): "'\(path)' is a folder or a device, not a file"
        case .notPermitted(let path): "no permission to open '\(path)'"
        case .readFailed(let path, let reason): "cannot read '\(path)': \(reason)"
        case .writeFailed(let path, let reason): "cannot write '\(path)': \(reason)"
        case .changedWhileOpen(let path): "'\(path)' was changed while it was being read"
        case .empty(let path): "'\(path)' is empty"
        case .notACheckpoint(let path, let format):
            "'\(path)' is \(format.rawValue); a .pth or .safetensors file is needed"
        case .truncated(let part, let offset):
            "the file is truncated: it ends inside \(part) that starts at byte \(offset)"
        case .malformed(let reason, let offset):
            "the file is malformed: \(reason) at byte \(offset)"
        case .forbiddenGlobal(let name, let offset):
            "refused '\(name)' at byte \(offset): only tensors and containers are allowed"
        case .forbiddenOperation(let name, let offset):
            "refused the pickle operation \(name) at byte \(offset): tensors do not need it"
        case .refusedEntry(let name, let fault): "the zip entry '\(name)' is \(fault.rawValue)"
        case .wrongChecksum(let entry):
            "'\(entry)' does not match its CRC-32: the file is damaged; download it again"
        case .bigEndian: "the weights were saved on a big-endian machine, which is not supported"
        case .tooLarge(let what, let found, let limit):
            "\(what): found \(found), the limit is \(limit)"
        case .unsupportedElementType(let type, let tensor):
            "'\(tensor)' has the element type \(type), which is not supported"
        case .tensorOutOfRange(let name): "the shape and strides of '\(name)' exceed its storage"
        case .notFinite(let name):
            "'\(name)' contains NaN or infinity: the weights are damaged, or training diverged"
        case .outOfRange(let name, let value, let type):
            "'\(name)' contains \(value), which is too large for \(type.rawValue)"
        case .duplicateName(let name): "'\(name)' occurs twice"
        case .noTensors(let keys):
            keys.isEmpty
                ? "the file contains no dictionary of tensors"
                : Set(keys).isSuperset(of: ["state", "param_groups"])
                    ? "it is the state of an optimizer, which contains no weights"
                    : "the file contains no dictionary of tensors, only the keys "
                        + "'\(keys.joined(separator: "', '"))'"
        case .severalStateDictionaries(let keys):
            "the file contains weights under the keys '\(keys.joined(separator: "' and '"))': save "
                + "only one of them"
        }
    }
}
