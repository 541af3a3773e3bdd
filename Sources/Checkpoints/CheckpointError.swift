/// Why a checkpoint cannot be read or written.
///
/// An `offset` is a byte of the file, from its start.
public enum CheckpointError: Error, Equatable, Sendable {
    /// Nothing is at that path.
    case notFound(path: String)
    /// A folder, a device or a pipe is at that path.
    case notAFile(path: String)
    /// The file may not be opened.
    case notPermitted(path: String)
    /// The operating system's reason for not reading.
    case readFailed(path: String, reason: String)
    /// The operating system's reason for not writing.
    case writeFailed(path: String, reason: String)
    /// The file was written to after it had been opened and checked.
    case changedWhileOpen(path: String)
    /// The file has no bytes.
    case empty(path: String)
    /// The file is something else.
    case notACheckpoint(path: String, Lookalike)

    /// The file ends inside the part named, which starts at `offset`.
    case truncated(String, offset: Int)
    /// What was found against the format, in words.
    case malformed(String, offset: Int)
    /// A pickle names a class or function that is not on the list.
    case forbiddenGlobal(String, offset: Int)
    /// A pickle uses an operation that is not on the list.
    case forbiddenOperation(String, offset: Int)
    /// An entry of a zip archive that PyTorch would not have written.
    case refusedEntry(String, EntryFault)
    /// The bytes of a zip entry are not those that were saved.
    case wrongChecksum(entry: String)
    /// The writer's byte order is not ours.
    case bigEndian
    /// The file asks for more than ``Checkpoint/Limits`` grant.
    case tooLarge(String, found: Int, limit: Int)

    /// A tensor's element type is not an ``ElementType``.
    case unsupportedElementType(String, tensor: String)
    /// A tensor's shape and strides lead outside its storage.
    case tensorOutOfRange(String)
    /// A tensor that has to be of finite numbers holds NaN or infinity.
    case notFinite(tensor: String)
    /// A number is too large for the type it is to be written in.
    case outOfRange(tensor: String, value: String, type: ElementType)
    /// Two tensors have the same name, or two keys of a header are the same.
    case duplicateName(String)
    /// The file holds no dictionary of tensors; `keys` are those at its top (at most ten).
    case noTensors(keys: [String])
    /// Weights lie under more than one key, and nothing says which are meant.
    case severalStateDictionaries([String])

    /// What a file without weights turned out to be.
    public enum Lookalike: String, Sendable {
        case webPage = "a web page"
        case gitLFSPointer = "a git-lfs pointer, not the weights it stands for: run 'git lfs pull'"
        case text = "text"
        case tar = "a tar archive (PyTorch before 0.1.10 wrote these)"
        case gzip = "a gzip archive: unpack it first"
        case hdf5 = "an HDF5 file"
        case pickle = "a plain pickle without PyTorch's header"
        case zip = "a zip archive that PyTorch did not write"
        case torchScript = "a TorchScript program, not a dictionary of weights"
        case unknown = "in no known format"
    }

    /// Why an entry of a zip archive is refused.
    public enum EntryFault: String, Sendable {
        case compressed = "compressed, which PyTorch never writes"
        case encrypted = "encrypted"
        case overlapping = "overlapping another entry"
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
        case .notACheckpoint(let path, let lookalike):
            "'\(path)' is \(lookalike.rawValue); needed is a .pth or .safetensors file"
        case .truncated(let part, let offset):
            "the file ends inside \(part) that starts at byte \(offset): it was cut short"
        case .malformed(let reason, let offset): "\(reason) at byte \(offset)"
        case .forbiddenGlobal(let name, let offset):
            "refused '\(name)' at byte \(offset): only tensors and containers are allowed"
        case .forbiddenOperation(let name, let offset):
            "refused the pickle operation \(name) at byte \(offset): tensors do not need it"
        case .refusedEntry(let name, let fault): "the zip entry '\(name)' is \(fault.rawValue)"
        case .wrongChecksum(let entry):
            "'\(entry)' does not match its CRC-32: the file was damaged; fetch it again"
        case .bigEndian: "the weights were saved on a big-endian machine, which is not supported"
        case .tooLarge(let what, let found, let limit):
            "\(what): found \(found), the limit is \(limit)"
        case .unsupportedElementType(let type, let tensor):
            "'\(tensor)' holds \(type), which is not supported"
        case .tensorOutOfRange(let name): "'\(name)' reaches outside its storage"
        case .notFinite(let name):
            "'\(name)' holds NaN or infinity: the weights are damaged, or training diverged"
        case .outOfRange(let name, let value, let type):
            "'\(name)' holds \(value), which is too large for \(type.rawValue)"
        case .duplicateName(let name): "'\(name)' occurs twice"
        case .noTensors(let keys):
            keys.isEmpty
                ? "no dictionary of tensors in this file"
                : "no dictionary of tensors under '\(keys.joined(separator: "', '"))'"
        case .severalStateDictionaries(let keys):
            "weights under several keys, '\(keys.joined(separator: "', '"))': save only one"
        }
    }
}
