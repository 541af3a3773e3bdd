import Foundation
import Imaging

/// Rotates image and label around their centre by up to 30 degrees; black outside.
///
/// The authors' second step: torchvision's `rotate`, by the nearest pixel, at the same size.
struct RotationAugmentation: Augmentation {
    let name = "rotation"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest angle to either side, in degrees.
    var degrees: Double = 30

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let angle = draw(using: &random)
        labelled = LabelledImage(
            image: labelled.image.rotatedLikePillow(degrees: angle),
            label: labelled.label.rotatedLikePillow(degrees: angle))
    }

    func draw(using random: inout SampleRandom) -> Double {
        random.uniform(-degrees..<degrees)
    }
}

extension Image {
    /// Turns a grey image counterclockwise, as Pillow's `rotate` with `NEAREST` does.
    ///
    /// Positions are in fixed point with 16 fractional bits, added up step by step, as there.
    func rotatedLikePillow(degrees: Double) -> Image {
        precondition(channels == 1, "a grey image")
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

/// Enlarges by up to 1.3 and cuts 256x256 out at random.
///
/// The authors' third step: the whole image becomes a square of `int(256 * s)` pixels, s uniform
/// from 1 to 1.3, of which a random square of 256 stays.
struct ScaleAugmentation: Augmentation {
    let name = "scale"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest factor.
    var factor: Double = 1.3

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let (side, x, y) = draw(using: &random)
        labelled = Self.cut(labelled, side: side, x: x, y: y)
    }

    func draw(using random: inout SampleRandom) -> (side: Int, x: Int, y: Int) {
        let target = AugmentationRecipe.modelSize.width
        let side = Int(Double(target) * random.uniform(1..<factor))
        let y = random.below(side - target + 1)
        return (side, random.below(side - target + 1), y)
    }

    static func cut(_ labelled: LabelledImage, side: Int, x: Int, y: Int) -> LabelledImage {
        let large = labelled.resized(to: Size(height: side, width: side))
        let size = AugmentationRecipe.modelSize
        let box = PixelBox(x0: x, y0: y, x1: x + size.width, y1: y + size.height)
        return LabelledImage(
            image: large.image.cropped(to: box), label: large.label.cropped(to: box))
    }
}

/// Mirrors image and label.
///
/// Not in the authors' recipe: organs have sides, and depth runs downwards. Left to right it suits
/// breast, thyroid and nerves; upside down only what has no depth.
struct FlipAugmentation: Augmentation {
    /// Which sides change places.
    enum Axis: Sendable {
        case horizontal, vertical
    }

    var name: String { axis == .horizontal ? "flip" : "flip-vertical" }
    /// Which sides change places.
    let axis: Axis
    /// Probability of the change.
    var probability: Double = 0.5

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        labelled = LabelledImage(
            image: labelled.image.flipped(axis), label: labelled.label.flipped(axis))
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

/// Deforms image and label smoothly, as a probe's pressure deforms tissue.
///
/// Random displacements on a coarse grid, interpolated smoothly, as U-Net's (Ronneberger et al., 2015,
/// who used a 3x3 grid and 10 pixels at 512): 4 cells and 6 pixels' deviation on the grid at 256,
/// about 3 pixels after smoothing. The image is read bilinearly, the label by the nearest pixel;
/// beyond the border the last pixel repeats.
struct ElasticAugmentation: Augmentation {
    let name = "elastic"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Standard deviation of the grid's displacements, in pixels of an image 256 wide.
    var strength: Double = 6

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let size = labelled.image.size
        let scale = Float(strength) * Float(size.width) / 256
        let dx = SmoothNoise(size, cells: 4, using: &random).values
        let dy = SmoothNoise(size, cells: 4, using: &random).values
        labelled = Self.moved(labelled, dx: dx, dy: dy, scale: scale)
    }

    private static func moved(
        _ labelled: LabelledImage, dx: [Float], dy: [Float], scale: Float
    ) -> LabelledImage {
        let (width, height) = (labelled.image.width, labelled.image.height)
        let (lastX, lastY) = (Float(width - 1), Float(height - 1))
        var image = [UInt8](repeating: 0, count: width * height)
        var label = image
        labelled.image.pixels.withUnsafeBufferPointer { source in
            labelled.label.pixels.withUnsafeBufferPointer { classes in
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
        return LabelledImage(
            image: Image(width: width, height: height, channels: 1, pixels: image),
            label: Image(width: width, height: height, channels: 1, pixels: label))
    }
}

/// Enlarges or shrinks an image in its own proportions; black where nothing was seen.
struct ZoomAugmentation: Augmentation {
    let name = "zoom"
    /// Probability of the change.
    var probability: Double = 0.5
    /// Largest logarithm of the factor: 0.4 is 0.67 to 1.5.
    var strength: Double = 0.4

    func change(_ labelled: inout LabelledImage, using random: inout SampleRandom) {
        let factor = exp(random.uniform(-1..<1) * strength)
        let size = labelled.image.size
        func scaled(_ length: Int) -> Int {
            max(1, Int((Double(length) * factor).rounded()))
        }
        let zoomed = labelled.resized(
            to: Size(height: scaled(size.height), width: scaled(size.width)))
        let place = (x: random.uniform(0..<1), y: random.uniform(0..<1))
        labelled = LabelledImage(
            image: Self.window(of: zoomed.image, size: size, at: place),
            label: Self.window(of: zoomed.label, size: size, at: place))
    }

    /// A window of a larger image, or a smaller one on black.
    private static func window(
        of image: Image, size: Size, at place: (x: Double, y: Double)
    ) -> Image {
        let x = Int((Double(image.width - size.width) * place.x).rounded())
        let y = Int((Double(image.height - size.height) * place.y).rounded())
        var pixels = [UInt8](repeating: 0, count: size.width * size.height)
        let columns = max(0, -x)..<min(size.width, image.width - x)
        for row in max(0, -y)..<min(size.height, image.height - y) {
            let source = (row + y) * image.width + x
            for column in columns {
                pixels[row * size.width + column] = image.pixels[source + column]
            }
        }
        return Image(width: size.width, height: size.height, channels: 1, pixels: pixels)
    }
}
