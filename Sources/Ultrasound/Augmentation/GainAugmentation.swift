import Foundation
import Imaging

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
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let gains = (0..<Self.sliders).map { _ in 1 + Float(random.uniform(-1..<1) * strength) }
        let (width, height) = (picture.image.width, picture.image.height)
        let rows = (0..<height).map { row in
            let place = (Float(row) + 0.5) / Float(height) * Float(Self.sliders) - 0.5
            let first = min(max(Int(place.rounded(.down)), 0), Self.sliders - 1)
            let second = min(first + 1, Self.sliders - 1)
            let share = min(max(place - Float(first), 0), 1)
            return gains[first] * (1 - share) + gains[second] * share
        }
        picture.image = picture.image.shaded(gain: { rows[$0 / width] })
    }
}
