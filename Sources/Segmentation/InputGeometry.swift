import Imaging

/// How a picture is fitted into a model's square input, and a mask back into the picture.
public struct InputGeometry: Equatable, Sendable {
    /// The picture's size.
    public let original: Size
    /// The picture's size inside the input; what is left is zero padding at the right and below.
    public let resized: Size
    /// Height and width of the input.
    public let inputSize: Int
    /// What the input's values are.
    public let preparation: InputPreparation
    /// Input pixels per picture pixel, along x and along y.
    private let scale: (x: Double, y: Double)

    /// The geometry of one picture.
    ///
    /// - Parameters:
    ///   - original: size of the picture.
    ///   - inputSize: height and width of the model's input.
    ///   - preparation: how the model wants its input.
    public init(original: Size, inputSize: Int, preparation: InputPreparation) {
        self.original = original
        self.inputSize = inputSize
        self.preparation = preparation
        guard preparation.keepsProportions else {
            resized = Size(height: inputSize, width: inputSize)
            scale = Self.ratio(resized, original)
            return
        }
        let side = Double(inputSize) / Double(max(original.height, original.width))
        // A picture of 1 x 10,000 still keeps a pixel of its shorter side.
        resized = Size(
            height: max(1, Int(Double(original.height) * side + 0.5)),
            width: max(1, Int(Double(original.width) * side + 0.5)))
        // The two programs differ: one moves clicks by the sides as rounded, one by their ratio.
        scale = preparation == .sam ? Self.ratio(resized, original) : (side, side)
    }

    private static func ratio(_ one: Size, _ other: Size) -> (x: Double, y: Double) {
        (
            Double(one.width) / Double(other.width),
            Double(one.height) / Double(other.height)
        )
    }

    /// Whether two pictures lie in an input alike.
    public static func == (one: InputGeometry, other: InputGeometry) -> Bool {
        one.original == other.original && one.inputSize == other.inputSize
            && one.preparation == other.preparation
    }

    /// The model's input.
    ///
    /// - Parameter image: a picture of the original size.
    /// - Returns: `[channels, inputSize, inputSize]`.
    public func prepare(_ image: Image) -> Planes {
        precondition(image.size == original, "a picture of \(original) pixels")
        return preparation.values(of: image, resizedTo: resized)
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

    /// A place in the picture as a place in the input.
    public func prepare(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(x: point.x * scale.x, y: point.y * scale.y)
    }

    /// A box in the picture as a box in the input.
    public func prepare(_ box: PixelRectangle) -> PixelRectangle {
        PixelRectangle(
            x0: box.x0 * scale.x, y0: box.y0 * scale.y, x1: box.x1 * scale.x, y1: box.y1 * scale.y)
    }

    /// Logits over the input as logits over the picture: enlarged to the input, padding cut off,
    /// resized bilinearly to the picture.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: one plane of the original size.
    public func restoredLogits(_ logits: Planes) -> Planes {
        let side = Size(height: inputSize, width: inputSize)
        let full =
            logits.size == side ? logits : logits.resizedLikeTorch(to: side, antialias: false)
        return full.cropped(to: resized).resizedLikeTorch(to: original, antialias: false)
    }

    /// Logits over the input as a mask of the picture: inside where they are above 0.
    ///
    /// - Parameter logits: one plane over the whole input.
    /// - Returns: a mask of the original size.
    public func restore(_ logits: Planes) -> Mask {
        Mask(thresholding: restoredLogits(logits), above: 0)
    }
}
