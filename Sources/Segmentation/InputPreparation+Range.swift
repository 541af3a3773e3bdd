extension InputPreparation {
    /// The values that lie in the input, from the least to the largest there can be.
    public var range: [Double] {
        switch self {
        case .liteMedSAM, .samus: [0, 1]
        case .sam:
            [
                zip(Self.mean, Self.deviation).map { -Double($0) / Double($1) }.min() ?? 0,
                zip(Self.mean, Self.deviation).map { (255 - Double($0)) / Double($1) }.max() ?? 0,
            ]
        }
    }
}
