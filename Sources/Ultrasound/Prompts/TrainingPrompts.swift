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
    ///   - negatives: clicks beside it.
    ///   - distance: how far from the object's box these lie at most, in pixels along and across;
    ///     anywhere when nil, or when there is no such pixel.
    ///   - random: the sample's numbers.
    /// - Returns: the clicks.
    public func clicks(
        _ count: Int = 1, negatives: Int = 0, within distance: Int? = nil,
        using random: inout SampleRandom
    ) -> Prompt {
        guard mask.area > 0 else { return nothing(using: &random) }
        var prompt = Prompt(points: mask.randomPixels(count, using: &random))
        if negatives > 0 {
            prompt.negatives = background(within: distance).randomPixels(negatives, using: &random)
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
    /// - Returns: the box, inside the picture.
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
        Prompt(negatives: mask.randomPixels(1, inside: false, using: &random))
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
