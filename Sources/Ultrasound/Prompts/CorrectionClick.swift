import Imaging
import Segmentation

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
            prompt.points.append(click)
        } else {
            prompt.negatives.append(click)
        }
        return prompt
    }
}

extension Mask {
    func without(_ other: Mask) -> Mask {
        Mask(width: width, height: height, values: zip(values, other.values).map { $0 & ~$1 })
    }

    /// The pixel inside that is farthest from the outside, to which the picture's border belongs;
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
