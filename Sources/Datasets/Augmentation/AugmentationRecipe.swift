import Imaging

/// Augmentations in order, and how an image of any size becomes the network's.
///
/// The authors' steps see the image's own pixels; then it is resized to 256x256 (Pillow's
/// `BILINEAR`, the label's `NEAREST`); the others follow there, so that a strength means the same
/// for every data set. The same numbers give the same result.
public struct AugmentationRecipe: Sendable {
    /// Rows and columns of what the network sees.
    public static let modelSize = Size(height: 256, width: 256)

    /// What happens on the image's own pixels.
    public let beforeResizing: [any Augmentation]
    /// What happens at 256x256.
    public let afterResizing: [any Augmentation]

    /// - Parameters:
    ///   - beforeResizing: on the image's own pixels, in order.
    ///   - afterResizing: at 256x256, in order.
    public init(
        beforeResizing: [any Augmentation] = [], afterResizing: [any Augmentation] = []
    ) {
        self.beforeResizing = beforeResizing
        self.afterResizing = afterResizing
    }

    /// Nothing but the resizing.
    public static let none = AugmentationRecipe()

    /// What SAMUS was trained with: gamma, rotation, scale, contrast, each with probability 0.5.
    public static let authors = AugmentationRecipe(
        beforeResizing: [
            GammaAugmentation(), RotationAugmentation(), ScaleAugmentation(),
            ContrastAugmentation(),
        ])

    /// Augments an image.
    ///
    /// - Parameters:
    ///   - image: of any size.
    ///   - random: the numbers of the sample in its epoch.
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
    ///   - image: of any size.
    ///   - random: the numbers of the sample in its epoch.
    /// - Returns: in its own proportions; with steps that are meant for 256 pixels, its longer side
    ///   has so many, else its size is what the authors' steps leave.
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
    /// Reads a recipe's words: `none`, or names divided by commas, as `authors,flip,speckle:0.3`.
    ///
    /// `authors` stands for gamma, rotation, scale and contrast, which can be named singly too;
    /// they come first, on the image's own pixels, wherever they are named. The others follow in
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
