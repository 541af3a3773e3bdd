import Imaging

/// How an image is fitted into a model's square input, and a mask back into the image.
public struct InputGeometry: Equatable, Sendable {
    /// The image's size.
    public let original: Size
    /// The image's size inside the input; what is left is zero padding at the right and below.
    public let resized: Size
    /// Height and width of the input.
    public let inputSize: Int
    /// What the input's values are.
    public let preprocessing: Preprocessing
    /// Input pixels per image pixel, along x and along y.
    private let scale: (x: Double, y: Double)

    /// The geometry of one image.
    ///
    /// - Parameters:
    ///   - original: size of the image.
    ///   - inputSize: height and width of the model's input.
    ///   - preprocessing: how the model wants its input.
    public init(original: Size, inputSize: Int, preprocessing: Preprocessing) {
        self.original = original
        self.inputSize = inputSize
        self.preprocessing = preprocessing
        guard preprocessing.keepsProportions else {
            resized = Size(height: inputSize, width: inputSize)
            scale = Self.ratio(resized, original)
            return
        }
        let side = Double(inputSize) / Double(max(original.height, original.width))
        // An image of 1 x 10,000 still keeps a pixel of its shorter side.
        resized = Size(
            height: max(1, Int(Double(original.height) * side + 0.5)),
            width: max(1, Int(Double(original.width) * side + 0.5)))
        // The two programs differ: one moves clicks by the sides as rounded, one by their ratio.
        scale = preprocessing == .sam ? Self.ratio(resized, original) : (side, side)
    }

    private static func ratio(_ one: Size, _ other: Size) -> (x: Double, y: Double) {
        (
            Double(one.width) / Double(other.width),
            Double(one.height) / Double(other.height)
        )
    }

    /// Whether two images lie in an input alike.
    public static func == (one: InputGeometry, other: InputGeometry) -> Bool {
        one.original == other.original && one.inputSize == other.inputSize
            && one.preprocessing == other.preprocessing
    }

    /// The model's input.
    ///
    /// - Parameter image: an image of the original size.
    /// - Returns: `[channels, inputSize, inputSize]`.
    public func prepare(_ image: Image) -> Planes {
        precondition(image.size == original, "an image of \(original) pixels")
        return preprocessing.values(of: image, resizedTo: resized)
            .padded(to: Size(height: inputSize, width: inputSize))
    }

    /// A rough mask as the logits of an earlier prediction, which is how SAM takes masks.
    ///
    /// - Parameters:
    ///   - mask: of the original size.
    ///   - side: height and width of the logits that the model takes.
    ///   - magnitude: logit inside; its negative outside.
    /// - Returns: `[1, side, side]`.
    public func prepare(_ mask: Mask, side: Int, magnitude: Float = 10) -> Planes {
        precondition(mask.size == original, "a mask of \(original) pixels")
        let coverage = Planes(
            channels: 1, height: mask.height, width: mask.width, values: mask.values.map(Float.init)
        )
        var logits =
            coverage
            .resizedLikeTorch(to: resized, antialias: true)
            .padded(to: Size(height: inputSize, width: inputSize))
        if side != inputSize {
            logits = logits.resizedLikeTorch(to: Size(height: side, width: side), antialias: true)
        }
        logits.values = logits.values.map { (2 * $0 - 1) * magnitude }
        return logits
    }

    /// A place in the image as a place in the input.
    public func prepare(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(x: point.x * scale.x, y: point.y * scale.y)
    }

    /// A box in the image as a box in the input.
    public func prepare(_ box: PixelRectangle) -> PixelRectangle {
        PixelRectangle(
            x0: box.x0 * scale.x, y0: box.y0 * scale.y, x1: box.x1 * scale.x, y1: box.y1 * scale.y)
    }

    /// Logits over the input as logits over the image: enlarged to the input, padding cut off,
    /// resized bilinearly to the image.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: one plane of the original size.
    public func restoredLogits(_ logits: Planes) -> Planes {
        let side = Size(height: inputSize, width: inputSize)
        let full =
            logits.size == side ? logits : logits.resizedLikeTorch(to: side, antialias: false)
        return full.cropped(to: resized).resizedLikeTorch(to: original, antialias: false)
    }

    /// Logits over the input as a mask of the image: inside where they are above 0.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: a mask of the original size.
    public func restore(_ logits: Planes) -> Mask {
        Mask(thresholding: restoredLogits(logits), above: 0)
    }
}

/// How a network of SAM's family wants its input made of an image.
public enum Preprocessing: String, Sendable, Codable {
    /// Longest side to the input's, antialiased; the image's darkest and lightest value become 0
    /// and 1.
    case liteMedSAM
    /// Longest side to the input's, as Pillow resizes; the published mean and deviation of each
    /// channel become 0 and 1.
    case sam
    /// Grey, stretched to the input's square as Pillow resizes, 0..255 to 0..1, no normalization.
    case samus

    /// Whether the image keeps its proportions, with zero padding at the right and below.
    public var keepsProportions: Bool { self != .samus }

    /// Channels of the input.
    public var channels: Int { self == .samus ? 1 : 3 }

    /// The image's part of the input, without padding.
    ///
    /// - Parameters:
    ///   - image: grey or RGB.
    ///   - size: of the image inside the input.
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

extension Preprocessing {
    /// The values that lie in the input, from the least to the largest there can be.
    public var range: [Double] {
        switch self {
        case .liteMedSAM, .samus: [0, 1]
        case .sam:
            [
                zip(Self.mean, Self.deviation).map { -Double($0) / Double($1) }.min() ?? 0,
                zip(Self.mean, Self.deviation).map { (255 - Double($0)) / Double($1) }.max() ?? 0,
            ]
        }
    }
}
