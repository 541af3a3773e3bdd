/// Whether a target is found where there is one, apart from how well its contour is drawn.
public struct PresenceDetection: Hashable, Codable, Sendable {
    /// Pictures with a target, in which something was found.
    public var truePositives = 0
    /// Pictures without a target, in which something was found.
    public var falsePositives = 0
    /// Pictures with a target, in which nothing was found.
    public var falseNegatives = 0
    /// Pictures without a target, in which nothing was found.
    public var trueNegatives = 0

    private enum CodingKeys: String, CodingKey {
        case truePositives = "true_positives"
        case falsePositives = "false_positives"
        case falseNegatives = "false_negatives"
        case trueNegatives = "true_negatives"
    }

    /// - Parameter cases: which masks are empty, one a picture.
    public init(_ cases: some Sequence<Emptiness>) {
        for emptiness in cases {
            switch emptiness {
            case .neither: truePositives += 1
            case .referenceEmpty: falsePositives += 1
            case .predictionEmpty: falseNegatives += 1
            case .bothEmpty: trueNegatives += 1
            }
        }
    }

    /// Number of pictures.
    public var count: Int { truePositives + falsePositives + falseNegatives + trueNegatives }

    /// Share of the pictures with a target in which something was found; nil when there are none.
    public var sensitivity: Double? { share(truePositives, falseNegatives) }

    /// Share of the pictures without a target in which nothing was found; nil when there are none.
    public var specificity: Double? { share(trueNegatives, falsePositives) }

    private func share(_ part: Int, _ rest: Int) -> Double? {
        part + rest > 0 ? Double(part) / Double(part + rest) : nil
    }
}
