import Imaging

/// Enlarges by up to 1.3 and cuts 256x256 out at random.
///
/// The authors' third step: the whole picture becomes a square of `int(256 * s)` pixels, s even
/// from 1 to 1.3, of which a random square of 256 stays.
public struct ScaleAugmentation: Augmentation {
    /// `scale`.
    public let name = "scale"
    /// How often it happens.
    public let probability: Double
    /// Largest factor.
    public let factor: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - factor: largest factor, above 1.
    public init(probability: Double = 0.5, factor: Double = 1.3) {
        self.probability = probability
        self.factor = factor
    }

    /// Draws a size and a place and cuts out.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let (side, x, y) = draw(using: &random)
        picture = Self.cut(picture, side: side, x: x, y: y)
    }

    func draw(using random: inout SampleRandom) -> (side: Int, x: Int, y: Int) {
        let kept = AugmentationRecipe.modelSize.width
        let side = Int(Double(kept) * random.uniform(1..<factor))
        let y = random.below(side - kept + 1)
        return (side, random.below(side - kept + 1), y)
    }

    static func cut(_ picture: LabelledPicture, side: Int, x: Int, y: Int) -> LabelledPicture {
        let large = picture.resized(to: Size(height: side, width: side))
        let size = AugmentationRecipe.modelSize
        let box = PixelBox(x0: x, y0: y, x1: x + size.width, y1: y + size.height)
        return LabelledPicture(
            image: large.image.cropped(to: box), label: large.label.cropped(to: box))
    }
}
