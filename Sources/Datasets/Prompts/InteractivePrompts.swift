import Imaging
import Segmentation

extension PromptSampler {
    /// The click of a user who corrects a mask: in the largest error, more often near its middle.
    ///
    /// - Parameters:
    ///   - prediction: the mask so far.
    ///   - mask: the object's pixels, of the same size.
    ///   - random: generator of the click.
    /// - Returns: a foreground point where the largest connected error is missed, a background point
    ///   where it is too much, nothing where the mask is right. Of equal errors the missed one
    ///   counts.
    public static func correctionOfLargestError(
        in prediction: Mask, mask: Mask, using random: inout SampleRandom
    ) -> Prompt {
        precondition(prediction.size == mask.size, "the prediction must have the mask's size")
        let missed = mask.without(prediction).largestComponent(connectivity: .four)
        let excess = prediction.without(mask).largestComponent(connectivity: .four)
        return missed.area >= excess.area
            ? Prompt(foregroundPoints: [missed.clickedPixel(using: &random)].compactMap(\.self))
            : Prompt(backgroundPoints: [excess.clickedPixel(using: &random)].compactMap(\.self))
    }

    /// The click of a user who corrects a mask exactly: in the middle of the largest error.
    ///
    /// - Parameters:
    ///   - prediction: the mask so far; an empty one for the first click.
    ///   - mask: the object's pixels, of the same size.
    /// - Returns: the pixel of the largest connected error that is farthest from the error's edge;
    ///   nil where the mask is right.
    public static func middleOfLargestError(in prediction: Mask, mask: Mask) -> PromptClick? {
        precondition(prediction.size == mask.size, "the prediction must have the mask's size")
        let missed = mask.without(prediction).largestComponent(connectivity: .four)
        let excess = prediction.without(mask).largestComponent(connectivity: .four)
        let isMissed = missed.area >= excess.area
        return (isMissed ? missed : excess).innermostPixel.map {
            PromptClick($0, isForeground: isMissed)
        }
    }

    /// A click or a box where there is no object, for a network that learns to find nothing.
    ///
    /// - Parameters:
    ///   - labelled: pixels of any class, in the image's size.
    ///   - random: generator of the prompt.
    /// - Returns: a foreground point at least ``marginOfNothing`` pixels away from every labelled
    ///   pixel, or a box without a labelled pixel; nil where 20 draws find no such place.
    public static func promptOnNothing(
        besides labelled: Mask, using random: inout SampleRandom
    ) -> Prompt? {
        let box = labelled.boundingBox
        let isBox = random.happens(0.3)
        for _ in 0..<20 {
            var (width, height) = (1, 1)
            if isBox {
                width = min(8 + random.below(max(labelled.width / 3, 1)), labelled.width)
                height = min(8 + random.below(max(labelled.height / 3, 1)), labelled.height)
            }
            let x = random.below(labelled.width - width + 1)
            let y = random.below(labelled.height - height + 1)
            let area = PixelBox(x0: x, y0: y, x1: x + width, y1: y + height)
            var prompt = Prompt(foregroundPoints: [PixelPoint(x: Double(x), y: Double(y))])
            if isBox {
                prompt = Prompt(
                    box: PixelRectangle(
                        x0: Double(x), y0: Double(y), x1: Double(x + width - 1),
                        y1: Double(y + height - 1)))
            }
            let margin = isBox ? 0 : marginOfNothing
            if box == nil || labelled.isEmpty(in: area, margin: margin) { return prompt }
        }
        return nil
    }

    /// Distance between a click on nothing and the nearest object, in pixels along x or y.
    public static let marginOfNothing = 6
}

extension Mask {
    /// A random pixel of the mask: half of the draws uniform, half weighted by the distance to the
    /// mask's edge.
    ///
    /// - Parameter random: generator of the draw.
    /// - Returns: the pixel's centre; nil where the mask is empty.
    func clickedPixel(using random: inout SampleRandom) -> PixelPoint? {
        guard random.happens(0.5) else { return randomPixels(1, using: &random).first }
        let distances = edgeDistances()
        let total = distances.reduce(0) { $0 + Int($1) }
        guard total > 0 else { return nil }
        var left = random.below(total)
        for (index, distance) in distances.enumerated() where distance > 0 {
            left -= Int(distance)
            if left < 0 {
                return PixelPoint(x: Double(index % width), y: Double(index / width))
            }
        }
        return nil
    }

    /// The pixel that is farthest from the mask's edge, the first in row-major order; nil where the
    /// mask is empty.
    public var innermostPixel: PixelPoint? {
        let distances = edgeDistances()
        guard let farthest = distances.max(), farthest > 0,
            let index = distances.firstIndex(of: farthest)
        else { return nil }
        return PixelPoint(x: Double(index % width), y: Double(index / width))
    }

    /// Steps along rows and columns from each pixel to the nearest pixel outside of the mask.
    ///
    /// What is beyond the image is outside.
    func edgeDistances() -> [Int32] {
        var distances = [Int32](repeating: 0, count: values.count)
        func at(_ x: Int, _ y: Int) -> Int32 {
            x >= 0 && y >= 0 && x < width && y < height ? distances[y * width + x] : 0
        }
        for y in 0..<height {
            for x in 0..<width where values[y * width + x] != 0 {
                distances[y * width + x] = min(at(x - 1, y), at(x, y - 1)) + 1
            }
        }
        for y in (0..<height).reversed() {
            for x in (0..<width).reversed() where values[y * width + x] != 0 {
                let nearest = min(at(x + 1, y), at(x, y + 1)) + 1
                distances[y * width + x] = min(distances[y * width + x], nearest)
            }
        }
        return distances
    }

    /// Whether no pixel of a box, or within a margin around it, is set.
    func isEmpty(in box: PixelBox, margin: Int) -> Bool {
        for y in max(box.y0 - margin, 0)..<min(box.y1 + margin, height) {
            for x in max(box.x0 - margin, 0)..<min(box.x1 + margin, width)
            where values[y * width + x] != 0 {
                return false
            }
        }
        return true
    }

    /// One piece of a mask that may have several, each as likely as any other.
    ///
    /// - Parameter random: generator of the draw; nil takes the largest.
    /// - Returns: a connected component of at least ``smallestPiece(of:)`` pixels.
    public func piece(using random: inout SampleRandom) -> Mask {
        let pieces = labelled()
        guard pieces.areas.count > 1, let largest = pieces.areas.max() else { return self }
        let smallest = Self.smallestPiece(of: largest)
        let large = pieces.areas.indices.filter { pieces.areas[$0] >= smallest }
        return pieces.mask(of: large[random.below(large.count)] + 1)
    }

    /// Pixels that a piece needs to count as an object: a twentieth of the largest, at least 16.
    ///
    /// - Parameter largest: pixels of the largest piece.
    /// - Returns: at most `largest`.
    public static func smallestPiece(of largest: Int) -> Int { min(max(largest / 20, 16), largest) }
}

extension PixelRectangle {
    /// A box as users draw it: each side moved by -10 % to 20 % of the width or height outward, all
    /// of them scaled by one random factor, so that tight boxes are frequent.
    func looselyDrawn(
        inside size: Size, using random: inout SampleRandom
    ) -> PixelRectangle {
        let looseness = random.uniform(0..<1)
        func moved(_ low: Double, _ high: Double, _ extent: Int) -> (Double, Double) {
            let length = max(high - low, 2)
            let last = max(Double(extent) - 1, 0.5)
            let start = low - looseness * random.uniform(-0.1..<0.2) * length
            let end = high + looseness * random.uniform(-0.1..<0.2) * length
            let clamped = (min(max(start, 0), last), min(max(end, 0), last))
            return clamped.1 - clamped.0 >= 1 ? clamped : (low, high)
        }
        let (x0, x1) = moved(x0, x1, size.width)
        let (y0, y1) = moved(y0, y1, size.height)
        return PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1)
    }
}
