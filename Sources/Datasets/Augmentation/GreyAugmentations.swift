import Foundation
import Imaging

/// Brightens by a power: grey levels become `(i / 255)^(1 / g) * 255`, truncated.
///
/// The authors' first step: g is 1.0, 1.1 … 2.4, equally likely.
struct GammaAugmentation: Augmentation {
    let name = "gamma"
    /// Probability of the change.
    var probability: Double = 0.5

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        labelled.image = Self.adjusted(labelled.image, gamma: Self.draw(using: &random))
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

/// Moves grey levels away from their mean, or towards it.
///
/// The authors' fourth step: torchvision's `adjust_contrast` with a uniform factor from 0.8 to 2.0.
struct ContrastAugmentation: Augmentation {
    let name = "contrast"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Factors to draw from.
    var factors: Range<Double> = 0.8..<2.0

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        labelled.image = labelled.image.withContrastLikePillow(random.uniform(factors))
    }
}

extension Image {
    /// Changes the contrast of a grey image as Pillow's `ImageEnhance.Contrast` does.
    ///
    /// `m + factor * (i - m)` in single precision around the rounded mean m, truncated.
    func withContrastLikePillow(_ factor: Double) -> Image {
        precondition(channels == 1, "a grey image")
        let sum = pixels.withUnsafeBufferPointer { $0.reduce(0) { $0 &+ Int($1) } }
        let mean = Float(Int(Double(sum) / Double(pixels.count) + 0.5))
        let factor = Float(factor)
        return mapped { UInt8(min(max(mean + factor * (Float($0) - mean), 0), 255)) }
    }
}

/// Changes the gain by depth, as the sliders for time-gain compensation do.
///
/// Eight sliders, as most machines have, each with a uniform gain from 1 - s to 1 + s, interpolated linearly
/// (Singla et al., MIDL 2022, change time-gain compensation too). The strength s is 0.4:
/// grey levels change by up to 40 %, a plainly different setting of the same examination.
struct GainAugmentation: Augmentation {
    let name = "tgc"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest change of a slider, 0 to 1.
    var strength: Double = 0.4

    private static let sliders = 8

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let gains = (0..<Self.sliders).map { _ in 1 + Float(random.uniform(-1..<1) * strength) }
        let (width, height) = (labelled.image.width, labelled.image.height)
        let rows = (0..<height).map { row in
            let place = (Float(row) + 0.5) / Float(height) * Float(Self.sliders) - 0.5
            let first = min(max(Int(place.rounded(.down)), 0), Self.sliders - 1)
            let second = min(first + 1, Self.sliders - 1)
            let share = min(max(place - Float(first), 0), 1)
            return gains[first] * (1 - share) + gains[second] * share
        }
        labelled.image = labelled.image.shaded(gain: { rows[$0 / width] })
    }
}

extension Image {
    /// Multiplies each grey level by a factor of its place and adds to it, rounds and cuts.
    ///
    /// - Parameters:
    ///   - gain: the factor at an index of ``Image/pixels``.
    ///   - offset: what is added there, in grey levels.
    /// - Returns: an image of the same size.
    func shaded(
        gain: (Int) -> Float = { _ in 1 }, offset: (Int) -> Float = { _ in 0 }
    ) -> Image {
        var result = self
        result.pixels = [UInt8](unsafeUninitializedCapacity: pixels.count) { target, count in
            pixels.withUnsafeBufferPointer { source in
                for i in source.indices {
                    let level = Float(source[i]) * gain(i) + offset(i)
                    target[i] = UInt8(min(max(level + 0.5, 0), 255))
                }
            }
            count = pixels.count
        }
        return result
    }
}
