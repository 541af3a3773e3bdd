import Imaging

/// Augmentations in order, and how a picture of any size becomes the network's.
///
/// The authors' steps see the picture's own pixels; then it is resized to 256x256 (Pillow's
/// `BILINEAR`, the label's `NEAREST`); the others follow there, so that a strength means the same
/// for every data set. The same numbers give the same result.
public struct AugmentationRecipe: Sendable {
    /// Rows and columns of what the network sees.
    public static let modelSize = Size(height: 256, width: 256)

    /// What happens on the picture's own pixels.
    public let beforeResizing: [any Augmentation]
    /// What happens at 256x256.
    public let afterResizing: [any Augmentation]

    /// - Parameters:
    ///   - beforeResizing: on the picture's own pixels, in order.
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

    /// Augments a picture.
    ///
    /// - Parameters:
    ///   - picture: of any size.
    ///   - random: the numbers of the sample in its epoch.
    /// - Returns: 256x256 pixels.
    public func apply(
        to picture: LabelledPicture, using random: inout SampleRandom
    ) -> LabelledPicture {
        var picture = picture
        for augmentation in beforeResizing {
            augmentation.apply(to: &picture, using: &random)
        }
        picture = picture.resized(to: Self.modelSize)
        for augmentation in afterResizing {
            augmentation.apply(to: &picture, using: &random)
        }
        return picture
    }

    /// Augments a picture for a network that pads its input instead of stretching pictures.
    ///
    /// - Parameters:
    ///   - picture: of any size.
    ///   - random: the numbers of the sample in its epoch.
    /// - Returns: in its own proportions; with steps that are meant for 256 pixels, its longer side
    ///   has so many, else its size is what the authors' steps leave.
    public func applyKeepingProportions(
        to picture: LabelledPicture, using random: inout SampleRandom
    ) -> LabelledPicture {
        var picture = picture
        for augmentation in beforeResizing {
            augmentation.apply(to: &picture, using: &random)
        }
        guard !afterResizing.isEmpty else { return picture }
        let size = picture.image.size
        let scale = Double(Self.modelSize.width) / Double(max(size.width, size.height))
        picture = picture.resized(
            to: Size(
                height: max(1, Int((Double(size.height) * scale).rounded())),
                width: max(1, Int((Double(size.width) * scale).rounded()))))
        for augmentation in afterResizing {
            augmentation.apply(to: &picture, using: &random)
        }
        return picture
    }

    /// The names of the steps, in order.
    public var names: [String] { (beforeResizing + afterResizing).map(\.name) }
}
