/// What an import did.
public struct ImportReport: Sendable {
    /// The data set's name in the layout.
    public let dataset: String
    /// Pictures written.
    public internal(set) var pictures = 0
    /// Pictures on which no class is seen.
    public internal(set) var empty = 0
    /// Pictures of each split.
    public internal(set) var splits: [Split: Int] = [:]
    /// Pictures whose mm per pixel are known.
    public internal(set) var measured = 0
    /// Names of the classes, from class 1.
    public let classNames: [String]
    /// Whether the original's own split was kept; else all pictures are in train.
    public let hasSplit: Bool
    /// Files that should have been imported and could not be.
    public internal(set) var problems: [ImportProblem]
    /// Files passed over, or imported with something to know.
    public internal(set) var remarks: [ImportProblem]
    /// What to know of the whole.
    public let notes: [String]
}

/// How far an import is.
public struct ImportProgress: Sendable {
    /// Files or sequences read.
    public let done: Int
    /// Of how many.
    public let total: Int
    /// The one at hand.
    public let file: String
}
