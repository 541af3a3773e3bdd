/// What a model is and where it comes from, to be written beside every result of it.
public struct ModelDescription: Equatable, Sendable, Codable {
    /// The name it was asked for by, or its file's.
    public var name: String
    /// Which network it is.
    public var kind: ModelKind
    /// SHA-256 of its file, in hexadecimal digits.
    public var sha256: String
    /// The licence of its weights, when it is known.
    public var licence: String?

    /// A description.
    ///
    /// - Parameters:
    ///   - name: the name it was asked for by, or its file's.
    ///   - kind: which network it is.
    ///   - sha256: of its file, in hexadecimal digits.
    ///   - licence: of its weights, when it is known.
    public init(name: String, kind: ModelKind, sha256: String, licence: String?) {
        self.name = name
        self.kind = kind
        self.sha256 = sha256
        self.licence = licence
    }
}
