/// Why something cannot be evaluated or compared.
public enum EvaluationError: Error, Equatable, Sendable {
    /// Another program gave no mask of a picture.
    case noPrediction(picture: String, looked: [String])
    /// A mask has a value that is no class of the data set.
    case unknownClass(path: String, value: Int, classes: Int)
    /// A mask is not of its picture's size.
    case otherSize(path: String, found: String, expected: String)
    /// A report cannot be read.
    case unreadable(path: String, reason: String)
    /// Two reports are not of one thing.
    case notComparable(String)
}

extension EvaluationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .noPrediction(let picture, let looked):
            "there is no mask of \(picture): looked for "
                + looked.map { "'\($0)'" }.joined(separator: " and ")
        case .unknownClass(let path, let value, let classes):
            "'\(path)' has the value \(value); its data set has the classes 0 to \(classes - 1)"
        case .otherSize(let path, let found, let expected):
            "'\(path)' is \(found) pixels, its picture \(expected): they must agree"
        case .unreadable(let path, let reason):
            "the report '\(path)' cannot be read: \(reason)"
        case .notComparable(let reason):
            "the reports cannot be compared: \(reason)"
        }
    }
}
