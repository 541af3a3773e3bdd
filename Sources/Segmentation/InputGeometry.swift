import Imaging

/// How an image is fitted into a model's square input, and a mask back into the image.
public struct InputGeometry: Equatable, Sendable {
    /// The image's size.
    public let original: Size
    /// The image's size inside the input; the rest is zero padding on the right and at the bottom.
    public let resized: Size
    /// Height and width of the input.
    public let inputSize: Int
    /// How the values of the input are computed.
    public let preprocessing: Preprocessing
    /// Input pixels per image pixel, along x and along y.
    let scale: (x: Double, y: Double)

    /// The geometry of one image.
    ///
    /// - Parameters:
    ///   - original: size of the image.
    ///   - inputSize: height and width of the model's input.
    ///   - preprocessing: the model's preprocessing.
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
        // The shorter side keeps at least one pixel, even for an image of 1 x 10,000.
        resized = Size(
            height: max(1, Int(Double(original.height) * side + 0.5)),
            width: max(1, Int(Double(original.width) * side + 0.5)))
        // segment-anything scales points by the rounded size, LiteMedSAM by the exact ratio.
        scale = preprocessing == .sam ? Self.ratio(resized, original) : (side, side)
    }

    private static func ratio(_ one: Size, _ other: Size) -> (x: Double, y: Double) {
        (
            Double(one.width) / Double(other.width),
            Double(one.height) / Double(other.height)
        )
    }

    /// Whether both place an image in the input in the same way.
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

    /// A rough mask as logits, the form in which SAM takes mask prompts.
    ///
    /// - Parameters:
    ///   - mask: a mask of the original size.
    ///   - side: height and width of the logits that the model takes.
    ///   - magnitude: the logit inside the mask; outside it is the negative of this.
    /// - Returns: `[1, side, side]`.
    public func prepare(_ mask: Mask, side: Int, magnitude: Float = 10) -> Planes {
        precondition(mask.size == original, "a mask of \(original) pixels")
        let coverage = Image(
            width: mask.width, height: mask.height, channels: 1, pixels: mask.values)
        var logits = coverage.planes(resizedTo: resized, antialias: true)
            .padded(to: Size(height: inputSize, width: inputSize))
        if side != inputSize {
            logits = logits.resizedLikeTorch(to: Size(height: side, width: side), antialias: true)
        }
        logits.values = logits.values.map { (2 * $0 - 1) * magnitude }
        return logits
    }

    /// Converts a point from pixels of the image to pixels of the input.
    public func prepare(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(x: point.x * scale.x, y: point.y * scale.y)
    }

    /// Converts a box from pixels of the image to pixels of the input.
    public func prepare(_ box: PixelRectangle) -> PixelRectangle {
        PixelRectangle(
            x0: box.x0 * scale.x, y0: box.y0 * scale.y, x1: box.x1 * scale.x, y1: box.y1 * scale.y)
    }

    /// Resizes logits to the image: bilinearly to the input's size, without the padding, then
    /// bilinearly to the image's size.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: one plane of the original size.
    public func restoredLogits(_ logits: Planes) -> Planes {
        withoutPadding(logits).resizedLikeTorch(to: original, antialias: false)
    }

    private func withoutPadding(_ logits: Planes) -> Planes {
        let side = Size(height: inputSize, width: inputSize)
        let full =
            logits.size == side ? logits : logits.resizedLikeTorch(to: side, antialias: false)
        return full.cropped(to: resized)
    }

    /// Converts logits to a mask of the image: pixels with logits above 0.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: a mask of the original size.
    public func restore(_ logits: Planes) -> Mask {
        Mask(positivePartOf: withoutPadding(logits), resizedTo: original)
    }
}

/// How an image becomes the input of a network of SAM's family.
public enum Preprocessing: String, Sendable, Codable {
    /// Longest side resized to the input's side with antialiasing; min-max normalized to 0...1.
    case liteMedSAM
    /// Longest side resized to the input's side as by Pillow; normalized by the published mean and
    /// standard deviation of each channel.
    case sam
    /// Grey, stretched to a square as by Pillow, scaled from 0...255 to 0...1.
    case samus
    /// RGB, stretched to a square by Pillow's bicubic filter; min-max normalized to 0...1.
    case medSAM
    /// RGB, stretched to a square as by Pillow; normalized by the published mean and standard
    /// deviation of each channel.
    case stretchedSAM
    /// Blue, green and red, stretched to a square by nearest neighbour as OpenCV does; normalized
    /// by the published mean and standard deviation of red, green and blue in this order.
    case samMed2D

    /// Whether the aspect ratio is kept, with zero padding on the right and at the bottom.
    public var keepsProportions: Bool { self == .sam || self == .liteMedSAM }

    /// Channels of the input.
    public var channels: Int { self == .samus ? 1 : 3 }

    /// The image as values of the input, without padding.
    ///
    /// - Parameters:
    ///   - image: grey or RGB.
    ///   - size: size of the image inside the input.
    /// - Returns: `[channels, H, W]`.
    func values(of image: Image, resizedTo size: Size) -> Planes {
        switch self {
        case .liteMedSAM:
            let planes = image.planes(resizedTo: size, antialias: true).minMaxNormalized()
            guard planes.channels == 1 else { return planes }
            // The same as of an RGB image with equal channels, in a third of the time.
            return Planes(
                channels: 3, height: planes.height, width: planes.width,
                values: planes.values + planes.values + planes.values)
        case .sam:
            return Self.standardized(image.rgb().resizedLikePillow(to: size).planes())
        case .samus:
            var planes = image.grey().resizedLikePillow(to: size).planes()
            planes.values = planes.values.map { $0 / 255 }
            return planes
        case .medSAM:
            return image.rgb().resizedLikePillow(to: size, filter: .bicubic).planes()
                .minMaxNormalized()
        case .stretchedSAM:
            return Self.standardized(image.rgb().resizedLikePillow(to: size).planes())
        case .samMed2D:
            return Self.standardized(
                image.rgb().resizedNearestLikeOpenCV(to: size).reversingChannels().planes())
        }
    }

    /// Mean of red, green and blue in ImageNet, as in SAM's training.
    public static let mean: [Float] = [123.675, 116.28, 103.53]
    /// Standard deviation of red, green and blue in ImageNet.
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
    /// The smallest and the largest value that the input can have.
    public var range: [Double] {
        switch self {
        case .liteMedSAM, .samus, .medSAM: [0, 1]
        case .sam, .stretchedSAM, .samMed2D:
            [
                zip(Self.mean, Self.deviation).map { -Double($0) / Double($1) }.min() ?? 0,
                zip(Self.mean, Self.deviation).map { (255 - Double($0)) / Double($1) }.max() ?? 0,
            ]
        }
    }
}
