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

    /// Augments a picture in place.
    ///
    /// - Parameters:
    ///   - picture: of any size.
    ///   - random: the numbers of the sample in its epoch.
    ///   - keepingProportions: whether it keeps its size, for a network that pads its input, but for
    ///     steps that change it, instead of becoming 256x256 pixels.
    public func apply(
        to picture: inout LabelledPicture, using random: inout SampleRandom,
        keepingProportions: Bool
    ) {
        guard keepingProportions else {
            picture = apply(to: picture, using: &random)
            return
        }
        for augmentation in beforeResizing + afterResizing {
            augmentation.apply(to: &picture, using: &random)
        }
    }

    /// The names of the steps, in order.
    public var names: [String] { (beforeResizing + afterResizing).map(\.name) }
}
