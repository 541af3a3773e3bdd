/// What a picture of a data set is for.
public enum Split: String, Sendable, CaseIterable, Codable {
    case train, val, test
}
