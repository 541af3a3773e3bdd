import Imaging
import Segmentation

/// Prompts by chance from an object's true pixels, as training gives them.
///
/// Where the mask is empty there is nothing to point at: every prompt is one click on a background
/// pixel, told as such, as in the authors' program.
public struct TrainingPrompts: Sendable {
    /// The object's pixels.
    public let mask: Mask

    /// - Parameter mask: the object's pixels, on the network's grid.
    public init(of mask: Mask) { self.mask = mask }

    /// Clicks on the object, and beside it.
    ///
    /// One click without others is the authors' `random_click`. A pixel may come twice.
    ///
    /// - Parameters:
    ///   - count: clicks on the object.
    ///   - backgroundPoints: clicks beside it.
    ///   - distance: how far from the object's box these lie at most, in pixels along and across;
    ///     anywhere when nil, or when there is no such pixel.
    ///   - random: the sample's numbers.
    /// - Returns: the clicks.
    public func clicks(
        _ count: Int = 1, backgroundPoints: Int = 0, within distance: Int? = nil,
        using random: inout SampleRandom
    ) -> Prompt {
        guard mask.area > 0 else { return nothing(using: &random) }
        var prompt = Prompt(foregroundPoints: mask.randomPixels(count, using: &random))
        if backgroundPoints > 0 {
            prompt.backgroundPoints = background(within: distance).randomPixels(
                backgroundPoints, using: &random)
        }
        return prompt
    }

    /// The object's box, each side moved by chance.
    ///
    /// It keeps at least one pixel of width and height.
    ///
    /// - Parameters:
    ///   - share: how far a side of `promptBox` moves at most, inwards or outwards, as
    ///     a share of the box's extent in that direction.
    ///   - random: the sample's numbers.
    /// - Returns: the box, inside the image.
    public func box(jitter share: Double = 0.1, using random: inout SampleRandom) -> Prompt {
        guard let box = mask.promptBox else { return nothing(using: &random) }
        func moved(_ low: Double, _ high: Double, _ extent: Int) -> (Double, Double) {
            let reach = share * (high - low)
            let last = max(Double(extent) - 1, 0.5)
            let start = min(max(low + random.uniform(-1..<1) * reach, 0), last)
            let end = min(max(high + random.uniform(-1..<1) * reach, 0), last)
            guard end - start < 1 else { return (start, end) }
            let middle = (start + end) / 2
            return (max(middle - 0.5, 0), min(middle + 0.5, last))
        }
        let (x0, x1) = moved(box.x0, box.x1, mask.width)
        let (y0, y1) = moved(box.y0, box.y1, mask.height)
        return Prompt(box: PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1))
    }

    private func nothing(using random: inout SampleRandom) -> Prompt {
        Prompt(backgroundPoints: mask.randomPixels(1, inside: false, using: &random))
    }

    private func background(within distance: Int?) -> Mask {
        let everywhere = mask.inverted()
        guard let distance, let box = mask.boundingBox?.grown(by: distance, inside: mask.size)
        else { return everywhere }
        var values = [UInt8](repeating: 0, count: mask.values.count)
        for y in box.y0..<box.y1 {
            let row = y * mask.width + box.x0..<y * mask.width + box.x1
            values.replaceSubrange(row, with: everywhere.values[row])
        }
        let near = Mask(width: mask.width, height: mask.height, values: values)
        return near.area > 0 ? near : everywhere
    }
}

extension Mask {
    func inverted() -> Mask {
        Mask(width: width, height: height, values: values.map { 1 - $0 })
    }
}

/// Where the next click goes when a prediction is corrected.
public enum CorrectionClick: String, Sendable, CaseIterable {
    /// A random pixel of what is missed or of what is too much, whichever has more pixels.
    case random
    /// The pixel deepest inside the largest connected piece of what is wrong.
    case deepest

    /// Adds a click on what a prediction has wrong.
    ///
    /// On missed pixels it is a click on the object, on pixels that are too much one beside it; of
    /// equals the missed ones come first.
    ///
    /// - Parameters:
    ///   - prompt: what has been said so far.
    ///   - prediction: what the network found.
    ///   - mask: the object's pixels, of the same size.
    ///   - random: the sample's numbers.
    /// - Returns: the prompt with one more click, unchanged where nothing is wrong.
    public func added(
        to prompt: Prompt, prediction: Mask, mask: Mask, using random: inout SampleRandom
    ) -> Prompt {
        precondition(prediction.size == mask.size, "a prediction of the mask's size")
        let missed = mask.without(prediction)
        let excess = prediction.without(mask)
        let click: PixelPoint
        let isPositive: Bool
        switch self {
        case .random:
            isPositive = missed.area >= excess.area
            guard
                let point = (isPositive ? missed : excess).randomPixels(1, using: &random).first
            else { return prompt }
            click = point
        case .deepest:
            let missedPiece = missed.largestComponent()
            let excessPiece = excess.largestComponent()
            isPositive = missedPiece.area >= excessPiece.area
            guard let point = (isPositive ? missedPiece : excessPiece).deepestPixel else {
                return prompt
            }
            click = point
        }
        var prompt = prompt
        if isPositive {
            prompt.foregroundPoints.append(click)
        } else {
            prompt.backgroundPoints.append(click)
        }
        return prompt
    }
}

extension Mask {
    func without(_ other: Mask) -> Mask {
        Mask(width: width, height: height, values: zip(values, other.values).map { $0 & ~$1 })
    }

    /// The pixel inside that is farthest from the outside, to which the image's border belongs;
    /// of equals the first, row by row.
    ///
    /// Distances add up steps of 3 along and 4 across (the 3-4 chamfer), at most 8 % off.
    var deepestPixel: PixelPoint? {
        guard let box = boundingBox else { return nil }
        let row = box.width + 2
        // One pixel more on each side, always outside.
        var depth = [Int32](repeating: 0, count: row * (box.height + 2))
        for y in 0..<box.height {
            for x in 0..<box.width where values[(box.y0 + y) * width + box.x0 + x] != 0 {
                depth[(y + 1) * row + x + 1] = 1 << 20
            }
        }
        depth.withUnsafeMutableBufferPointer { depth in
            func relax(_ i: Int, _ step: Int) {
                let along = min(depth[i - step], depth[i - step * row]) + 3
                let across = min(depth[i - step * row - 1], depth[i - step * row + 1]) + 4
                depth[i] = min(depth[i], along, across)
            }
            for y in 1...box.height {
                for x in 1...box.width { relax(y * row + x, 1) }
            }
            for y in (1...box.height).reversed() {
                for x in (1...box.width).reversed() { relax(y * row + x, -1) }
            }
        }
        guard let deepest = depth.max(), let place = depth.firstIndex(of: deepest) else {
            return nil
        }
        return PixelPoint(
            x: Double(box.x0 + place % row - 1), y: Double(box.y0 + place / row - 1))
    }
}

extension Mask {
    /// The smallest box from the centre of the object's first column and row to that of the last,
    /// as MedSAM makes its prompts.
    ///
    /// Where the object is one pixel wide or high, the box reaches to that pixel's edges. Nil where
    /// there is no object.
    public var promptBox: PixelRectangle? {
        boundingBox.map { box in
            let (x, y) = (box.width == 1 ? 0.5 : 0, box.height == 1 ? 0.5 : 0)
            return PixelRectangle(
                x0: Double(box.x0) - x, y0: Double(box.y0) - y, x1: Double(box.x1 - 1) + x,
                y1: Double(box.y1 - 1) + y
            ).grown(byShare: 0, inside: size)
        }
    }
}

extension PixelRectangle {
    /// Grows on each side, and stays inside an image.
    ///
    /// - Parameters:
    ///   - share: of the box's own width to the left and the right, of its height up and down.
    ///   - size: of the image.
    /// - Returns: the larger box.
    public func grown(byShare share: Double, inside size: Size) -> PixelRectangle {
        let (dx, dy) = (share * (x1 - x0), share * (y1 - y0))
        return PixelRectangle(
            x0: max(x0 - dx, 0), y0: max(y0 - dy, 0),
            x1: min(x1 + dx, max(Double(size.width) - 1, 0.5)),
            y1: min(y1 + dy, max(Double(size.height) - 1, 0.5)))
    }
}

extension Mask {
    /// Pixels by chance, each as likely as the other; one may come twice.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - inside: whether pixels of the object are meant, or those beside it.
    ///   - random: what they are drawn from.
    /// - Returns: pixels' centres; none where there is no such pixel.
    public func randomPixels(
        _ count: Int, inside: Bool = true, using random: inout some RandomNumberGenerator
    ) -> [PixelPoint] {
        (0..<count).compactMap { _ in
            pixel(inside: inside) { Int.random(in: 0..<$0, using: &random) }
        }
    }
}

extension Mask {
    /// The middle one of the pixels in row-major order: of n the one with n / 2 before it.
    ///
    /// The authors' `fixed_click`. It need not lie in the middle of the object.
    ///
    /// - Parameter inside: whether pixels of the object are meant, or those beside it.
    /// - Returns: a pixel's centre; nil where there is no such pixel.
    public func middlePixel(inside: Bool = true) -> PixelPoint? {
        pixel(inside: inside) { $0 / 2 }
    }

    /// One of the pixels, chosen by its place in row-major order.
    ///
    /// - Parameters:
    ///   - inside: whether pixels of the object are meant, or those beside it.
    ///   - place: gives the place, below the number of pixels that it is told.
    /// - Returns: a pixel's centre; nil where there is no such pixel.
    func pixel(inside: Bool, at place: (Int) -> Int) -> PixelPoint? {
        let count = inside ? area : values.count - area
        guard count > 0 else { return nil }
        var left = place(count)
        let wanted: UInt8 = inside ? 1 : 0
        return values.withUnsafeBufferPointer { values in
            for index in 0..<values.count where values[index] == wanted {
                guard left > 0 else {
                    return PixelPoint(x: Double(index % width), y: Double(index / width))
                }
                left -= 1
            }
            return nil
        }
    }
}
