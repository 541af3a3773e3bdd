import Imaging

/// How a network of SAM's family wants its input made of a picture.
public enum InputPreparation: String, Sendable, Codable {
    /// Longest side to the input's, antialiased; the picture's darkest and lightest value become 0
    /// and 1.
    case liteMedSAM
    /// Longest side to the input's, as Pillow resizes; the published mean and deviation of each
    /// channel become 0 and 1.
    case sam
    /// Grey, stretched to the input's square as Pillow resizes, 0..255 to 0..1, no normalization.
    case samus

    /// Whether the picture keeps its proportions, with zero padding at the right and below.
    public var keepsProportions: Bool { self != .samus }

    /// Channels of the input.
    public var channels: Int { self == .samus ? 1 : 3 }

    /// The picture's part of the input, without padding.
    ///
    /// - Parameters:
    ///   - image: grey or RGB.
    ///   - size: of the picture inside the input.
    /// - Returns: `[channels, H, W]`.
    func values(of image: Image, resizedTo size: Size) -> Planes {
        switch self {
        case .liteMedSAM:
            return image.rgb().planes().resizedLikeTorch(to: size, antialias: true)
                .minMaxNormalized()
        case .sam:
            return Self.standardized(image.rgb().resizedLikePillow(to: size).planes())
        case .samus:
            var planes = image.grey().resizedLikePillow(to: size).planes()
            planes.values = planes.values.map { $0 / 255 }
            return planes
        }
    }

    /// Mean of ImageNet's red, green and blue, as SAM was trained with.
    public static let mean: [Float] = [123.675, 116.28, 103.53]
    /// Their deviation.
    public static let deviation: [Float] = [58.395, 57.12, 57.375]

    private static func standardized(_ planes: Planes) -> Planes {
        let count = planes.size.area
        var result = planes
        result.values = planes.values.enumerated().map { index, value in
            (value - mean[index / count]) / deviation[index / count]
        }
        return result
    }
}
