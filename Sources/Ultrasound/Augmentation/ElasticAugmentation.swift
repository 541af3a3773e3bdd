import Imaging

/// Deforms picture and label smoothly, as a probe's pressure deforms tissue.
///
/// Random displacements on a coarse grid, joined smoothly, as U-Net's (Ronneberger et al., 2015,
/// who used a 3x3 grid and 10 pixels at 512): 4 cells and 6 pixels' deviation on the grid at 256,
/// about 3 pixels after smoothing. The picture is read bilinearly, the label by the nearest pixel;
/// beyond the border its last pixel goes on.
public struct ElasticAugmentation: Augmentation {
    /// `elastic`.
    public let name = "elastic"
    /// How often it happens.
    public let probability: Double
    /// Standard deviation of the grid's displacements, in pixels of a picture 256 wide.
    public let strength: Double

    /// - Parameters:
    ///   - probability: how often it happens.
    ///   - strength: standard deviation of the grid's displacements, in pixels at 256.
    public init(probability: Double = 0.5, strength: Double = 6) {
        self.probability = probability
        self.strength = strength
    }

    /// Draws displacements and deforms.
    public func apply(to picture: inout LabelledPicture, using random: inout SampleRandom) {
        guard random.happens(probability) else { return }
        let size = picture.image.size
        let scale = Float(strength) * Float(size.width) / 256
        let dx = SmoothNoise(size, cells: 4, using: &random).values
        let dy = SmoothNoise(size, cells: 4, using: &random).values
        picture = Self.moved(picture, dx: dx, dy: dy, scale: scale)
    }

    private static func moved(
        _ picture: LabelledPicture, dx: [Float], dy: [Float], scale: Float
    ) -> LabelledPicture {
        let (width, height) = (picture.image.width, picture.image.height)
        let (lastX, lastY) = (Float(width - 1), Float(height - 1))
        var image = [UInt8](repeating: 0, count: width * height)
        var label = image
        picture.image.pixels.withUnsafeBufferPointer { source in
            picture.label.pixels.withUnsafeBufferPointer { classes in
                for y in 0..<height {
                    for x in 0..<width {
                        let i = y * width + x
                        let fromX = min(max(Float(x) + dx[i] * scale, 0), lastX)
                        let fromY = min(max(Float(y) + dy[i] * scale, 0), lastY)
                        let (x0, y0) = (Int(fromX), Int(fromY))
                        let (fx, fy) = (fromX - Float(x0), fromY - Float(y0))
                        let upper = y0 * width
                        let lower = min(y0 + 1, height - 1) * width
                        let x1 = min(x0 + 1, width - 1)
                        let above =
                            Float(source[upper + x0]) * (1 - fx) + Float(source[upper + x1]) * fx
                        let below =
                            Float(source[lower + x0]) * (1 - fx) + Float(source[lower + x1]) * fx
                        image[i] = UInt8(above * (1 - fy) + below * fy + 0.5)
                        label[i] = classes[(fy < 0.5 ? upper : lower) + (fx < 0.5 ? x0 : x1)]
                    }
                }
            }
        }
        return LabelledPicture(
            image: Image(width: width, height: height, channels: 1, pixels: image),
            label: Image(width: width, height: height, channels: 1, pixels: label))
    }
}
