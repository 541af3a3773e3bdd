/// How pictures are divided.
public struct SplitOptions: Equatable, Sendable {
    /// Share of a data set's pictures in val, 0 to 1.
    public var val = 0.1
    /// Share of a data set's pictures in test, 0 to 1.
    public var test = 0.2
    /// Of the order in which patients are dealt out.
    public var seed: UInt64 = 0
    /// The data sets; all of them when empty.
    public var dataSets: [String] = []
    /// Whether lists that are there are replaced.
    public var replaces = false

    /// A tenth for val, a fifth for test, all data sets, no list replaced.
    public init() {}
}

/// Why data sets cannot be divided.
public enum SplitError: Error, Equatable, Sendable {
    /// The data cannot be read.
    case data(DataError)
    /// There are lists, and they were not to be replaced.
    case listsExist([String])
    /// Pictures or labels cannot be used.
    case unusable(first: String, count: Int)
    /// A list cannot be written.
    case cannotWrite(path: String, reason: String)
    /// The caller stopped it.
    case interrupted
}

extension SplitError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .data(let error): "\(error)"
        case .listsExist(let names):
            "MainPatient has lists already (\(names.prefix(4).joined(separator: ", "))"
                + (names.count > 4 ? " and \(names.count - 4) more" : "")
                + "): --force replaces them; a published split is better kept (--set NAME divides"
                + " one data set)"
        case .unusable(let first, let count):
            "\(count) pictures or labels cannot be used, nothing was written; the first: \(first)"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .interrupted: "stopped; nothing was written"
        }
    }
}
