import Imaging

/// Moves grey levels away from their mean, or towards it.
///
/// The authors' fourth step: torchvision's `adjust_contrast` with a factor even from 0.8 to 2.0.
public struct ContrastAugmentation: Augmentation {
    /// `contrast`.
    public let name = "contrast"
    /// How often it happens.
    public let probability: Double
    /// Factors to draw from.
    public let factors: Range<Double>

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - factors: what to draw from; 1 changes nothing.
    public init(probability: Double = 0.5, factors: Range<Double> = 0.8..<2.0) {
        self.probability = probability
        self.factors = factors
    }

    /// Draws a factor and applies it.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        picture.image = picture.image.withContrastLikePillow(random.uniform(factors))
    }
}

extension Image {
    /// Changes the contrast of a grey picture as Pillow's `ImageEnhance.Contrast` does.
    ///
    /// `m + factor * (i - m)` in single precision around the rounded mean m, cut to whole numbers.
    func withContrastLikePillow(_ factor: Double) -> Image {
        precondition(channels == 1, "a grey picture")
        let sum = pixels.withUnsafeBufferPointer { $0.reduce(0) { $0 &+ Int($1) } }
        let mean = Float(Int(Double(sum) / Double(pixels.count) + 0.5))
        let factor = Float(factor)
        return mapped { UInt8(min(max(mean + factor * (Float($0) - mean), 0), 255)) }
    }
}
