/// Which of two masks have no pixel inside.
public enum Emptiness: String, CaseIterable, Codable, Hashable, Sendable {
    /// Both have pixels: the only case in which contours can be compared.
    case neither
    /// Nothing was found where there is something: a false negative picture.
    case predictionEmpty = "prediction_empty"
    /// Something was found where there is nothing: a false positive picture.
    case referenceEmpty = "reference_empty"
    /// Nothing was found, and there is nothing: right.
    case bothEmpty = "both_empty"

    /// - Parameters:
    ///   - predictionIsEmpty: whether the prediction has no pixel inside.
    ///   - referenceIsEmpty: whether the reference has no pixel inside.
    public init(predictionIsEmpty: Bool, referenceIsEmpty: Bool) {
        self =
            switch (predictionIsEmpty, referenceIsEmpty) {
            case (false, false): .neither
            case (true, false): .predictionEmpty
            case (false, true): .referenceEmpty
            case (true, true): .bothEmpty
            }
    }
}
