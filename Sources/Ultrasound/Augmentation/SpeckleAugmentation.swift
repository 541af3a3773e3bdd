import Imaging

/// Multiplies with speckle: grains of fully developed speckle, wider than high.
///
/// The envelope of a scattered echo has Rayleigh's distribution (Wagner et al., 1983): the length
/// of two normal numbers, smoothed together over 5 columns and 3 rows, the grain of a lateral and an
/// axial resolution. Factors are `1 + s * (r - 1)`, r of mean 1; s is even from 0 to the strength,
/// 0.5, which spreads grey levels by up to a quarter: the picture has speckle already, and is
/// compressed, where a full s = 1 belongs to the bare envelope.
public struct SpeckleAugmentation: Augmentation {
    /// `speckle`.
    public let name = "speckle"
    /// How often it happens.
    public let probability: Double
    /// Largest share of speckle, 0 to 1.
    public let strength: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - strength: largest share of speckle, 0 to 1.
    public init(probability: Double = 0.5, strength: Double = 0.5) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws grains and multiplies.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let share = Float(random.uniform(0..<1) * strength)
        let grains = Self.grains(picture.image.size, using: &random)
        picture.image = grains.withUnsafeBufferPointer { grains in
            picture.image.shaded(gain: { 1 + share * (grains[$0] - 1) })
        }
    }

    /// Rayleigh's distribution with mean 1, correlated between neighbours.
    static func grains(_ size: Size, using random: inout SampleRandom) -> [Float] {
        let real = field(size, using: &random)
        let imaginary = field(size, using: &random)
        // The mean length of two normal numbers of deviation 1.
        let mean: Float = 1.253_314_1
        return (0..<size.area).map {
            (real[$0] * real[$0] + imaginary[$0] * imaginary[$0]).squareRoot() / mean
        }
    }

    /// Normal numbers smoothed by [1 2 3 2 1] along rows and [1 2 1] along columns, deviation 1.
    private static func field(_ size: Size, using random: inout SampleRandom) -> [Float] {
        let (width, height) = (size.width + 4, size.height + 2)
        let noise = (0..<width * height).map { _ in random.roughlyNormal() }
        // Independent numbers add in squares: 19 along rows, 6 along columns.
        let norm = 1 / Float(19 * 6).squareRoot()
        return noise.withUnsafeBufferPointer { noise in
            let along = [Float](unsafeUninitializedCapacity: height * size.width) { target, count in
                for y in 0..<height {
                    for x in 0..<size.width {
                        let i = y * width + x
                        target[y * size.width + x] =
                            noise[i] + noise[i + 4] + 2 * (noise[i + 1] + noise[i + 3])
                            + 3 * noise[i + 2]
                    }
                }
                count = height * size.width
            }
            return along.withUnsafeBufferPointer { along in
                [Float](unsafeUninitializedCapacity: size.area) { target, count in
                    for i in 0..<size.area {
                        target[i] =
                            (along[i] + 2 * along[i + size.width] + along[i + 2 * size.width])
                            * norm
                    }
                    count = size.area
                }
            }
        }
    }
}
