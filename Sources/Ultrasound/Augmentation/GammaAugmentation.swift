import Foundation
import Imaging

/// Brightens by a power: grey levels become `(i / 255)^(1 / g) * 255`, cut to whole numbers.
///
/// The authors' first step: g is 1.0, 1.1 … 2.4, each as likely as the others.
public struct GammaAugmentation: Augmentation {
    /// `gamma`.
    public let name = "gamma"
    /// How often it happens.
    public let probability: Double

    /// - Parameter probability: how often it happens.
    public init(probability: Double = 0.5) { self.probability = probability }

    /// Draws g and applies it.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        picture.image = Self.adjusted(picture.image, gamma: Self.draw(using: &random))
    }

    static func draw(using random: inout SampleRandom) -> Double {
        Double(10 + random.below(15)) / 10
    }

    static func adjusted(_ image: Image, gamma: Double) -> Image {
        image.mapped { UInt8(pow(Double($0) / 255, 1 / gamma) * 255) }
    }
}

extension Image {
    /// Replaces each grey level by another.
    func mapped(_ transform: (UInt8) -> UInt8) -> Image {
        let table = (0...255).map { transform(UInt8($0)) }
        var result = self
        result.pixels = pixels.map { table[Int($0)] }
        return result
    }
}
