/// Why a data set cannot be read.
public enum DataError: Error, Equatable, Sendable {
    /// There is no data set in the US30K layout at this place, and why.
    case noData(root: String, reason: String)
    /// A file of the layout cannot be read.
    case unreadable(path: String, reason: String)
    /// A line of a list means nothing.
    case malformedLine(path: String, line: Int, text: String, reason: String)
    /// A picture and its label are not of one size.
    case sizes(picture: String, image: String, label: String)
    /// A split, or a part of it, holds nothing.
    case empty(root: String, what: String)
}

extension DataError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .noData(let root, let reason):
            "'\(root)' holds no data in the US30K layout: \(reason)"
        case .unreadable(let path, let reason):
            "'\(path)' cannot be read: \(reason)"
        case .malformedLine(let path, let line, let text, let reason):
            "'\(path)', line \(line), '\(text)': \(reason)"
        case .sizes(let picture, let image, let label):
            "\(picture): the picture has \(image) pixels, its label \(label)"
        case .empty(let root, let what):
            "'\(root)' has no \(what)"
        }
    }
}
