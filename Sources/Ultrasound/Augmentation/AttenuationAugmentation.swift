import Foundation
import Imaging

/// Darkens with depth, as attenuating tissue does: from a random depth on by `exp(-rate * depth)`.
///
/// Østvik et al., 2021; Tupper and Gagné (arXiv:2501.13193) draw the rate even from 0 to 3 a
/// picture's height, as here. Depth runs from the middle of the upper edge; darkening begins at 0 to
/// half a height, because gain hides it near the probe.
public struct AttenuationAugmentation: Augmentation {
    /// `attenuation`.
    public let name = "attenuation"
    /// How often it happens.
    public let probability: Double
    /// Largest rate, for each height of the picture.
    public let strength: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - strength: largest rate, for each height of the picture.
    public init(probability: Double = 0.5, strength: Double = 3) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws rate and onset and darkens.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let rate = Float(random.uniform(0..<1) * strength)
        let onset = Float(random.uniform(0..<0.5))
        let depth = ProbeDepth(picture.image.size)
        picture.image = picture.image.shaded(gain: { exp(-rate * max(depth[$0] - onset, 0)) })
    }
}

/// How far a pixel is from the probe, the middle of the upper edge; the picture's height is 1.
struct ProbeDepth {
    private let width: Int
    private let height: Float

    init(_ size: Size) {
        width = size.width
        height = Float(size.height)
    }

    subscript(index: Int) -> Float {
        let (y, x) = index.quotientAndRemainder(dividingBy: width)
        let dx = (Float(x) + 0.5 - Float(width) / 2) / height
        let dy = (Float(y) + 0.5) / height
        return (dx * dx + dy * dy).squareRoot()
    }
}
