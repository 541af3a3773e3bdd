import Foundation
import Imaging

/// Turns picture and label around their centre by up to 30 degrees; what comes in is black.
///
/// The authors' second step: torchvision's `rotate`, by the nearest pixel, at the same size.
public struct RotationAugmentation: Augmentation {
    /// `rotation`.
    public let name = "rotation"
    /// How often it happens.
    public let probability: Double
    /// Largest angle to either side, in degrees.
    public let degrees: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - degrees: largest angle to either side, above 0.
    public init(probability: Double = 0.5, degrees: Double = 30) {
        self.probability = probability
        self.degrees = degrees
    }

    /// Draws an angle and turns.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let angle = draw(using: &random)
        picture = LabelledPicture(
            image: picture.image.rotatedLikePillow(degrees: angle),
            label: picture.label.rotatedLikePillow(degrees: angle))
    }

    func draw(using random: inout SampleRandom) -> Double {
        random.uniform(-degrees..<degrees)
    }
}

extension Image {
    /// Turns a grey picture counter-clockwise, as Pillow's `rotate` with `NEAREST` does.
    ///
    /// Positions are in fixed point with 16 fractional bits, added up step by step, as there.
    func rotatedLikePillow(degrees: Double) -> Image {
        precondition(channels == 1, "a grey picture")
        if degrees == 0 { return self }
        let radians = -degrees * .pi / 180
        let cosine = (cos(radians) * 1e15).rounded() / 1e15
        let sine = (sin(radians) * 1e15).rounded() / 1e15
        let (middleX, middleY) = (Double(width) / 2, Double(height) / 2)
        let shiftX = -cosine * middleX - sine * middleY + middleX
        let shiftY = sine * middleX - cosine * middleY + middleY
        let (stepX, stepY) = (fixed(cosine), fixed(-sine))
        let (rowX, rowY) = (fixed(sine), fixed(cosine))
        var startX = fixed(shiftX + cosine * 0.5 + sine * 0.5)
        var startY = fixed(shiftY - sine * 0.5 + cosine * 0.5)
        var result = self
        result.pixels = [UInt8](unsafeUninitializedCapacity: width * height) { target, count in
            pixels.withUnsafeBufferPointer { source in
                var next = 0
                for _ in 0..<height {
                    var (x, y) = (startX, startY)
                    for _ in 0..<width {
                        let (column, row) = (x >> 16, y >> 16)
                        let isInside = column >= 0 && column < width && row >= 0 && row < height
                        target[next] = isInside ? source[row &* width &+ column] : 0
                        next &+= 1
                        x &+= stepX
                        y &+= stepY
                    }
                    startX &+= rowX
                    startY &+= rowY
                }
            }
            count = width * height
        }
        return result
    }
}

private func fixed(_ value: Double) -> Int { Int((value * 65536 + 0.5).rounded(.down)) }
