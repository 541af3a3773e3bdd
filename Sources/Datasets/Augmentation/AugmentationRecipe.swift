import Imaging

/// A list of augmentations, with the resizing to the network's input in between.
///
/// The authors' steps work on the original pixels; then the image is resized to 256x256 (Pillow's
/// `BILINEAR`, for the label `NEAREST`); the others follow, so that a strength means the same for
/// every dataset. The same random numbers give the same result.
public struct AugmentationRecipe: Sendable {
    /// Size of the network's input.
    public static let modelSize = Size(height: 256, width: 256)

    /// Augmentations of the original pixels.
    public let beforeResizing: [any Augmentation]
    /// Augmentations at 256x256.
    public let afterResizing: [any Augmentation]

    /// - Parameters:
    ///   - beforeResizing: on the original pixels, in order.
    ///   - afterResizing: at 256x256, in order.
    public init(
        beforeResizing: [any Augmentation] = [], afterResizing: [any Augmentation] = []
    ) {
        self.beforeResizing = beforeResizing
        self.afterResizing = afterResizing
    }

    /// Resizing alone.
    public static let none = AugmentationRecipe()

    /// The recipe of SAMUS: gamma, rotation, scale, contrast, each with probability 0.5.
    public static let authors = AugmentationRecipe(
        beforeResizing: [
            GammaAugmentation(), RotationAugmentation(), ScaleAugmentation(),
            ContrastAugmentation(),
        ])

    /// Augments an image.
    ///
    /// - Parameters:
    ///   - labelled: of any size.
    ///   - random: generator of the sample in its epoch.
    /// - Returns: 256x256 pixels.
    public func apply(
        to labelled: LabelledImage, using random: inout SampleRandom
    ) -> LabelledImage {
        var labelled = labelled
        for augmentation in beforeResizing {
            augmentation.apply(to: &labelled, using: &random)
        }
        labelled = labelled.resized(to: Self.modelSize)
        for augmentation in afterResizing {
            augmentation.apply(to: &labelled, using: &random)
        }
        return labelled
    }

    /// Augments an image for a network that pads its input instead of stretching images.
    ///
    /// - Parameters:
    ///   - labelled: of any size.
    ///   - random: generator of the sample in its epoch.
    /// - Returns: the image in its own proportions; with augmentations at 256x256 its longer side
    ///   has 256 pixels, else the size after the authors' steps.
    public func applyKeepingProportions(
        to labelled: LabelledImage, using random: inout SampleRandom
    ) -> LabelledImage {
        var labelled = labelled
        for augmentation in beforeResizing {
            augmentation.apply(to: &labelled, using: &random)
        }
        guard !afterResizing.isEmpty else { return labelled }
        let size = labelled.image.size
        let scale = Double(Self.modelSize.width) / Double(max(size.width, size.height))
        labelled = labelled.resized(
            to: Size(
                height: max(1, Int((Double(size.height) * scale).rounded())),
                width: max(1, Int((Double(size.width) * scale).rounded()))))
        for augmentation in afterResizing {
            augmentation.apply(to: &labelled, using: &random)
        }
        return labelled
    }

    /// The names of the steps, in order.
    public var names: [String] { (beforeResizing + afterResizing).map(\.name) }
}

extension AugmentationRecipe {
    /// Reads a recipe: `none`, or names separated by commas, for example
    /// `authors,flip,speckle:0.3`.
    ///
    /// `authors` stands for gamma, rotation, scale and contrast, which can be named alone too; they
    /// are always applied first, on the original pixels. The others follow in the order of the
    /// text. A number after a colon is the strength.
    ///
    /// - Parameter words: as on the command line.
    /// - Throws: ``AugmentationError`` for anything else.
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

    /// The names that ``init(words:)`` reads.
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
