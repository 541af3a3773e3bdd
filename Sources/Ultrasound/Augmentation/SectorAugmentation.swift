import Foundation
import Imaging

/// Blacks out what a narrower or shallower convex probe would not see.
///
/// An apex above the picture (0 to 0.4 heights), half an opening of 25 to 45 degrees around a tilt of
/// up to 8, a far end at 0.85 to 1.1 heights: ranges of phased and convex probes. The label
/// follows what stays visible: outside it is 0. A crop that hides more than the strength, 0.3, of
/// some class's pixels is drawn anew, and after eight draws left out.
public struct SectorAugmentation: Augmentation {
    /// `sector`.
    public let name = "sector"
    /// How often it is tried.
    public let probability: Double
    /// Largest share of a class's pixels that may be hidden.
    public let strength: Double

    /// - Parameters:
    ///   - probability: how often it is tried.
    ///   - strength: largest share of a class's pixels that may be hidden, 0 to 1.
    public init(probability: Double = 0.5, strength: Double = 0.3) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws a sector and blacks out what lies outside.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let size = picture.image.size
        let labelled = Self.counts(picture.label.pixels)
        for _ in 0..<8 {
            let sector = Sector(using: &random)
            let visible = (0..<size.area).map { sector.contains($0, in: size) }
            let hidden = Self.counts(zip(picture.label.pixels, visible).map { $1 ? 0 : $0 })
            guard
                zip(hidden, labelled).dropFirst()
                    .allSatisfy({ Double($0) <= Double($1) * strength })
            else { continue }
            picture.image.pixels = zip(picture.image.pixels, visible).map { $1 ? $0 : 0 }
            picture.label.pixels = zip(picture.label.pixels, visible).map { $1 ? $0 : 0 }
            return
        }
    }

    /// How many pixels each class has.
    private static func counts(_ label: [UInt8]) -> [Int] {
        var counts = [Int](repeating: 0, count: 256)
        for value in label { counts[Int(value)] += 1 }
        return counts
    }
}

/// What a convex probe sees; lengths in heights of the picture, from the middle of its upper edge.
private struct Sector {
    let apex: Float
    let from: Float
    let to: Float
    let near: Float
    let far: Float

    init(using random: inout SampleRandom) {
        apex = Float(random.uniform(0..<0.4))
        let opening = random.uniform(25..<45)
        let tilt = random.uniform(-8..<8)
        // Tangents, so that no pixel needs an angle of its own.
        from = Float(tan((tilt - opening) * .pi / 180))
        to = Float(tan((tilt + opening) * .pi / 180))
        near = apex
        far = apex + Float(random.uniform(0.85..<1.1))
    }

    func contains(_ index: Int, in size: Size) -> Bool {
        let (row, column) = index.quotientAndRemainder(dividingBy: size.width)
        let x = (Float(column) + 0.5 - Float(size.width) / 2) / Float(size.height)
        let y = (Float(row) + 0.5) / Float(size.height) + apex
        let square = x * x + y * y
        return x >= from * y && x <= to * y && square >= near * near && square <= far * far
    }
}
