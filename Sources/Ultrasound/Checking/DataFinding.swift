/// Something that is wrong with data sets, or worth a look.
public struct DataFinding: Codable, Equatable, Sendable {
    /// What it is.
    public enum Kind: String, Codable, CaseIterable, Sendable {
        case badLine = "bad-line"
        case missing
        case unreadable
        case sizes
        case unknownLabel = "unknown-label"
        case samePicture = "same-picture-in-two-splits"
        case samePatient = "same-patient-in-two-splits"
        case listsDiffer = "lists-differ"
        case repeatedLine = "repeated-line"
        case duplicate = "duplicate-in-split"
        case emptyMask = "empty-mask"
        case unlisted
        case absentList = "absent-list"

        /// Whether figures made with such data would be wrong, or could not be made.
        public var isError: Bool {
            switch self {
            case .badLine, .missing, .unreadable, .sizes, .unknownLabel, .samePicture,
                .samePatient, .listsDiffer:
                true
            case .repeatedLine, .duplicate, .emptyMask, .unlisted, .absentList: false
            }
        }
    }

    /// What it is.
    public let kind: Kind
    /// The picture, patient, data set or list.
    public let place: String
    /// What was found there.
    public let text: String

    init(_ kind: Kind, _ place: String, _ text: String) {
        self.kind = kind
        self.place = place
        self.text = text
    }
}
