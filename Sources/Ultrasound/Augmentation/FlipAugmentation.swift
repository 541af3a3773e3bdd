import Imaging

/// Mirrors picture and label.
///
/// Not in the authors' recipe: organs have sides, and depth runs downwards. Left to right it suits
/// breast, thyroid and nerves; upside down only what has no depth.
public struct FlipAugmentation: Augmentation {
    /// Which sides change places.
    public enum Axis: Sendable {
        case horizontal, vertical
    }

    /// `flip` or `flip-vertical`.
    public var name: String { axis == .horizontal ? "flip" : "flip-vertical" }
    /// Which sides change places.
    public let axis: Axis
    /// How often it happens.
    public let probability: Double

    /// - Parameters:
    ///   - axis: left and right, or top and bottom.
    ///   - probability: how often it happens.
    public init(_ axis: Axis, probability: Double = 0.5) {
        self.axis = axis
        self.probability = probability
    }

    /// Mirrors, or does not.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        picture = LabelledPicture(
            image: picture.image.flipped(axis), label: picture.label.flipped(axis))
    }
}

extension Image {
    func flipped(_ axis: FlipAugmentation.Axis) -> Image {
        let rows = (0..<height).map { pixels[$0 * width..<($0 + 1) * width] }
        var result = self
        result.pixels =
            switch axis {
            case .horizontal: rows.flatMap { $0.reversed() }
            case .vertical: rows.reversed().flatMap { $0 }
            }
        return result
    }
}
