import Imaging

/// A random change of an image and its label.
///
/// Image and label get the same geometry; all random numbers come from the sample's generator.
public protocol Augmentation: Sendable {
    /// The name on the command line and in records.
    var name: String { get }
    /// The probability of the change.
    var probability: Double { get }

    /// Changes an image.
    ///
    /// - Parameters:
    ///   - labelled: the image and its label, of any size.
    ///   - random: the sample's generator.
    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom)
}

extension Augmentation {
    /// Changes an image with the probability of the augmentation, and else leaves it unchanged.
    ///
    /// - Parameters:
    ///   - labelled: the image and its label, of any size.
    ///   - random: the sample's generator.
    public func apply(to labelled: inout LabelledImage, using random: inout SampleRandom) {
        if random.happens(probability) { change(&labelled, using: &random) }
    }
}

/// The augmentations, by their names on the command line.
public enum AugmentationKind: String, CaseIterable, Sendable {
    case gamma, rotation, scale, contrast
    case flip
    case flipVertical = "flip-vertical"
    case zoom, elastic, speckle, attenuation, haze, sector, tgc

    /// Whether it is one of the authors' four, which are applied before resizing.
    public var isAuthors: Bool {
        switch self {
        case .gamma, .rotation, .scale, .contrast: true
        default: false
        }
    }

    /// The range of the strength; nil for the authors' four, which have fixed parameters.
    public var strengths: ClosedRange<Double>? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical, .speckle, .sector: 0...1
        case .tgc, .zoom: 0...1
        case .elastic: 0...30
        case .attenuation: 0...10
        case .haze: 0...255
        }
    }

    /// The default strength: for flips the probability.
    public var defaultStrength: Double? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical: FlipAugmentation(axis: .horizontal).probability
        case .zoom: ZoomAugmentation().strength
        case .elastic: ElasticAugmentation().strength
        case .speckle: SpeckleAugmentation().strength
        case .attenuation: AttenuationAugmentation().strength
        case .haze: HazeAugmentation().strength
        case .sector: SectorAugmentation().strength
        case .tgc: GainAugmentation().strength
        }
    }

    /// What the strength means, for the help text.
    public var strengthMeaning: String? {
        switch self {
        case .gamma, .rotation, .scale, .contrast: nil
        case .flip, .flipVertical: "probability"
        case .zoom: "largest logarithm of the factor"
        case .elastic: "standard deviation of the grid's displacements, in pixels"
        case .speckle: "largest fraction of speckle"
        case .attenuation: "largest rate per image height"
        case .haze: "brightest grey level added"
        case .sector: "largest fraction of a class that may be hidden"
        case .tgc: "largest change of a gain"
        }
    }

    /// Makes the augmentation.
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
        case .flip: FlipAugmentation(axis: .horizontal, probability: value)
        case .flipVertical: FlipAugmentation(axis: .vertical, probability: value)
        case .zoom: ZoomAugmentation(strength: value)
        case .elastic: ElasticAugmentation(strength: value)
        case .speckle: SpeckleAugmentation(strength: value)
        case .attenuation: AttenuationAugmentation(strength: value)
        case .haze: HazeAugmentation(strength: value)
        case .sector: SectorAugmentation(strength: value)
        case .tgc: GainAugmentation(strength: value)
        }
    }
}

/// Why the text of a recipe cannot be read.
public enum AugmentationError: Error, Equatable, Sendable {
    case unknown(String, known: [String])
    case noStrength(String)
    case strength(String, found: String, allowed: ClosedRange<Double>)
    case repeated(String)
}

extension AugmentationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no augmentation '\(name)'; there are \(known.joined(separator: ", "))"
        case .noStrength(let name):
            "'\(name)' has no strength to set"
        case .strength(let name, let found, let allowed):
            "the strength of '\(name)' is a number from \(allowed.lowerBound) to "
                + "\(allowed.upperBound), not '\(found)'"
        case .repeated(let name):
            "'\(name)' is named twice"
        }
    }
}

extension LabelledImage {
    /// Resizes both: the image as Pillow's `BILINEAR`, the label as its `NEAREST`.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: an image of that size.
    public func resized(to size: Size) -> LabelledImage {
        image.size == size
            ? self
            : LabelledImage(
                image: image.resizedLikePillow(to: size), label: label.resizedNearest(to: size))
    }

    /// The input of SAMUS.
    ///
    /// - Returns: values from 0 to 1, one plane of the image's size.
    public func networkInput() -> Planes {
        Planes(
            channels: 1, height: image.height, width: image.width,
            values: image.pixels.map { Float($0) / 255 })
    }

    /// The mask of one class for the loss: half the size, nearest pixel.
    ///
    /// - Parameter label: the class.
    /// - Returns: 128x128 pixels for an image of 256x256.
    public func lossMask(of label: Int) -> Mask {
        let half = Size(height: max(image.height / 2, 1), width: max(image.width / 2, 1))
        return mask(of: label).resizedNearest(to: half)
    }
}
