/// Why a recipe's words cannot be understood.
public enum AugmentationError: Error, Equatable, Sendable {
    case unknown(String, known: [String])
    case noStrength(String)
    case strength(String, found: String, allowed: ClosedRange<Double>)
    case repeated(String)
}

extension AugmentationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no augmentation '\(name)'; known are \(known.joined(separator: ", "))"
        case .noStrength(let name):
            "'\(name)' has no strength to be set"
        case .strength(let name, let found, let allowed):
            "the strength of '\(name)' is a number from \(allowed.lowerBound) to "
                + "\(allowed.upperBound), not '\(found)'"
        case .repeated(let name):
            "'\(name)' is named twice"
        }
    }
}
