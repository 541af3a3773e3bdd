/// Why a NIfTI file cannot be read; `name` is the path, or what the caller called the bytes.
public enum NIfTIError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notNIfTI(name: String)
    case unsupported(name: String, what: String)
    case tooLarge(name: String, reason: String)
    case damaged(name: String, reason: String)
    case notGrey(name: String, value: Double)
}

extension NIfTIError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason):
            "'\(name)' cannot be read: \(reason)"
        case .notNIfTI(let name):
            "'\(name)' is no NIfTI-1 file (.nii or .nii.gz)"
        case .unsupported(let name, let what):
            "'\(name)' is \(what); NIfTI-1 in one file, of one number a voxel, is needed"
        case .tooLarge(let name, let reason):
            "'\(name)' is too large: \(reason)"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .notGrey(let name, let value):
            "'\(name)' holds the value \(value); whole numbers from 0 to 255 are needed"
        }
    }
}
