extension AugmentationRecipe {
    /// Reads a recipe's words: `none`, or names divided by commas, as `authors,flip,speckle:0.3`.
    ///
    /// `authors` stands for gamma, rotation, scale and contrast, which can be named singly too;
    /// they come first, on the picture's own pixels, wherever they are named. The others follow in
    /// the order named. A number after a colon is the strength.
    ///
    /// - Parameter words: as the command line takes them.
    /// - Throws: ``AugmentationError`` for what has no meaning.
    public init(words: String) throws(AugmentationError) {
        self = .none
        guard words != "none" else { return }
        var before: [any Augmentation] = []
        var after: [any Augmentation] = []
        var seen: Set<String> = []
        for word in words.split(separator: ",", omittingEmptySubsequences: false) {
            for (kind, strength) in try Self.parsed(String(word)) {
                guard seen.insert(kind.rawValue).inserted else { throw .repeated(kind.rawValue) }
                if kind.isAuthors {
                    before.append(kind.make())
                } else {
                    after.append(kind.make(strength: strength))
                }
            }
        }
        self.init(beforeResizing: before, afterResizing: after)
    }

    /// What ``init(words:)`` knows.
    public static let knownNames = ["none", "authors"] + AugmentationKind.allCases.map(\.rawValue)

    private static func parsed(
        _ word: String
    ) throws(AugmentationError) -> [(AugmentationKind, Double?)] {
        let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            .map(String.init)
        let name = parts[0]
        if name == "authors" {
            guard parts.count == 1 else { throw .noStrength(name) }
            return AugmentationKind.allCases.filter(\.isAuthors).map { ($0, nil) }
        }
        guard let kind = AugmentationKind(rawValue: name) else {
            throw .unknown(name, known: knownNames)
        }
        guard parts.count == 2 else { return [(kind, nil)] }
        guard let allowed = kind.strengths else { throw .noStrength(name) }
        guard let strength = Double(parts[1]), allowed.contains(strength) else {
            throw .strength(name, found: parts[1], allowed: allowed)
        }
        return [(kind, strength)]
    }
}
