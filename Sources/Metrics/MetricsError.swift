import Imaging

/// Why two masks cannot be compared, or numbers not be summed up.
public enum MetricsError: Error, Equatable, Sendable {
    case sizesDiffer(prediction: Size, reference: Size)
    case noCases
    case notFinite(index: Int)
    case countsDiffer(first: Int, second: Int)
}

extension MetricsError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .sizesDiffer(let prediction, let reference):
            "the prediction has \(prediction) pixels, the reference \(reference): they must be equal"
        case .noCases:
            "there is no case; at least one is needed"
        case .notFinite(let index):
            "case \(index + 1) has a value that is not a finite number"
        case .countsDiffer(let first, let second):
            "there are \(first) values on one side and \(second) on the other: they must be pairs"
        }
    }
}
