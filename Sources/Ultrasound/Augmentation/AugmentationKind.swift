/// The augmentations by the names they have on the command line.
public enum AugmentationKind: String, CaseIterable, Sendable {
    case gamma, rotation, scale, contrast
    case flip
    case flipVertical = "flip-vertical"
    case elastic, speckle, attenuation, haze, sector, tgc

    /// Whether it is one of the authors' four, which come before the resizing.
    public var isAuthors: Bool {
        switch self {
        case .gamma, .rotation, .scale, .contrast: true
        default: false
        }
    }

    /// What its strength may be; nil for the authors' own, which are as they are.
    public var strengths: ClosedRange<Double>? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical, .speckle, .sector: 0...1
        case .tgc: 0...1
        case .elastic: 0...30
        case .attenuation: 0...10
        case .haze: 0...255
        }
    }

    /// The strength without one being named: how often for flips, else how much.
    public var defaultStrength: Double? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical: FlipAugmentation(.horizontal).probability
        case .elastic: ElasticAugmentation().strength
        case .speckle: SpeckleAugmentation().strength
        case .attenuation: AttenuationAugmentation().strength
        case .haze: HazeAugmentation().strength
        case .sector: SectorAugmentation().strength
        case .tgc: GainAugmentation().strength
        }
    }

    /// What is said about the strength, for help and documents.
    public var strengthMeaning: String? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical: "how often"
        case .elastic: "deviation of the grid's displacements, in pixels"
        case .speckle: "largest share of speckle"
        case .attenuation: "largest rate for each height"
        case .haze: "brightest grey level added"
        case .sector: "largest share of a class hidden"
        case .tgc: "largest change of a slider"
        }
    }

    /// Makes one.
    ///
    /// - Parameter strength: in ``strengths``; the default when nil.
    /// - Returns: the augmentation.
    public func make(strength: Double? = nil) -> any Augmentation {
        let value = strength ?? defaultStrength ?? 0
        return switch self {
        case .gamma: GammaAugmentation()
        case .rotation: RotationAugmentation()
        case .scale: ScaleAugmentation()
        case .contrast: ContrastAugmentation()
        case .flip: FlipAugmentation(.horizontal, probability: value)
        case .flipVertical: FlipAugmentation(.vertical, probability: value)
        case .elastic: ElasticAugmentation(strength: value)
        case .speckle: SpeckleAugmentation(strength: value)
        case .attenuation: AttenuationAugmentation(strength: value)
        case .haze: HazeAugmentation(strength: value)
        case .sector: SectorAugmentation(strength: value)
        case .tgc: GainAugmentation(strength: value)
        }
    }
}
