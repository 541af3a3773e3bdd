import Foundation
import Imaging

/// Adds a veil near the probe, as reverberation in the chest wall or fat does.
///
/// Østvik et al., 2021: noise in a band of Gaussian profile at a distance from the probe. The band
/// lies at 0.05 to 0.35 of the height and is 0.05 to 0.15 wide, the near field; it changes slowly
/// along it; its peak is even from 0 to the strength, 70 of 255 grey levels, a bright veil through
/// which tissue is still seen. Where the picture is black, outside the sector, it stays so.
public struct HazeAugmentation: Augmentation {
    /// `haze`.
    public let name = "haze"
    /// How often it happens.
    public let probability: Double
    /// Largest grey level of the veil.
    public let strength: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - strength: largest grey level of the veil, 0 to 255.
    public init(probability: Double = 0.5, strength: Double = 70) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws a veil and adds it.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let peak = Float(random.uniform(0..<1) * strength)
        let centre = Float(random.uniform(0.05..<0.35))
        let width = Float(random.uniform(0.05..<0.15))
        let size = picture.image.size
        let cloud = SmoothNoise(size, cells: 6, using: &random).values
        let depth = ProbeDepth(size)
        let levels = picture.image.pixels
        picture.image = picture.image.shaded(offset: { i in
            guard levels[i] > 0 else { return 0 }
            let distance = (depth[i] - centre) / width
            let density = min(max(0.7 + 0.5 * cloud[i], 0), 1)
            return peak * density * exp(-0.5 * distance * distance)
        })
    }
}
