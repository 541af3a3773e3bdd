import Imaging

/// All that an evaluation measured.
public struct Evaluation: Sendable {
    /// Masks against labels, in the order of the samples, then of the prompts.
    public var cases: [EvaluatedCase] = []
    /// The masks of ``cases``.
    public var masks: [RunLength] = []
    /// Pictures that could not be evaluated, with the reason.
    public var failures: [EvaluationFailure] = []
    /// Pictures looked at, each with the seconds that took; the first is the warm-up.
    public var encodings: [PictureTime] = []
    /// SHA-256 of names, classes and pixels of all pictures and labels that could be read.
    public var dataHash = ""
    /// Pictures that were to be evaluated.
    public var pictures = 0
    /// Whether all of them were looked at.
    public var isComplete = true
}

/// A picture that could not be evaluated.
public struct EvaluationFailure: Codable, Equatable, Sendable {
    /// As `Breast-BUSI/benign0015`.
    public var picture: String
    /// One sentence.
    public var reason: String
}

/// Seconds spent on one picture.
public struct PictureTime: Codable, Equatable, Sendable {
    /// As `Breast-BUSI/benign0015`.
    public var picture: String
    /// To look at it.
    public var encode: Double
    /// For all its masks.
    public var masks: Double
    /// How many masks these were.
    public var count: Int
}
