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
    public func apply(to labelled: inout LabelledImage, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
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
    public func apply(to labelled: inout LabelledImage, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        labelled.image = labelled.image.withContrastLikePillow(random.uniform(factors))
    }
}

extension Image {
    /// Changes the contrast of a grey image as Pillow's `ImageEnhance.Contrast` does.
    ///
    /// `m + factor * (i - m)` in single precision around the rounded mean m, cut to whole numbers.
    func withContrastLikePillow(_ factor: Double) -> Image {
        precondition(channels == 1, "a grey image")
        let sum = pixels.withUnsafeBufferPointer { $0.reduce(0) { $0 &+ Int($1) } }
        let mean = Float(Int(Double(sum) / Double(pixels.count) + 0.5))
        let factor = Float(factor)
        return mapped { UInt8(min(max(mean + factor * (Float($0) - mean), 0), 255)) }
    }
}

/// Changes the gain of bands of depth, as the sliders for time-gain compensation do.
///
/// Eight sliders, as most machines have, each with a gain even from 1 - s to 1 + s, joined linearly
/// (Singla et al., MIDL 2022, change time-gain compensation too). The strength s is 0.4:
/// grey levels change by up to 40 %, a plainly different setting of the same examination.
public struct GainAugmentation: Augmentation {
    /// `tgc`.
    public let name = "tgc"
    /// How often it happens.
    public let probability: Double
    /// Largest change of a slider, 0 to 1.
    public let strength: Double

    private static let sliders = 8

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - strength: largest change of a slider, 0 to 1.
    public init(probability: Double = 0.5, strength: Double = 0.4) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws sliders and applies them.
    public func apply(to labelled: inout LabelledImage, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
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
