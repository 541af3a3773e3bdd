/// Why a data set cannot be imported.
public enum ImportError: Error, Equatable, Sendable {
    /// The source is not of the form, and what is missing.
    case notOfTheForm(source: String, reason: String)
    /// A file of the source, needed as a whole, cannot be read.
    case unreadable(path: String, reason: String)
    /// An option does not fit the source.
    case wrongOption(String)
    /// The data set is there already.
    case exists(path: String)
    /// The source and the place of the result lie in each other.
    case overlap(source: String, target: String)
    /// The result cannot be written.
    case cannotWrite(path: String, reason: String)
    /// The caller asked to stop.
    case interrupted
}

extension ImportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .notOfTheForm(let source, let reason):
            "'\(source)' is not of this form: \(reason)"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .wrongOption(let reason):
            reason
        case .exists(let path):
            "'\(path)' exists; --force replaces it, --name gives the import another name"
        case .overlap(let source, let target):
            "'\(source)' and '\(target)' lie in each other: the source would be changed"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted:
            "interrupted; nothing has been imported"
        }
    }
}

/// What is wrong with one file of a source; the others are imported.
public struct ImportProblem: Error, Equatable, Sendable {
    /// The file, seen from the source.
    public let file: String
    /// What was found and what is needed.
    public let reason: String

    init(_ file: String, _ reason: String) {
        self.file = file
        self.reason = reason
    }
}

extension ImportProblem: CustomStringConvertible {
    /// One line for the person at the terminal.
    public var description: String { "\(file): \(reason)" }
}
