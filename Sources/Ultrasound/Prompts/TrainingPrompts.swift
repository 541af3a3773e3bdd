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
        var prompt = Prompt(points: mask.randomPoints(count, using: &random))
        if negatives > 0 {
            prompt.negatives = background(within: distance).randomPoints(negatives, using: &random)
        }
        return prompt
    }

    /// The object's box, each side moved by chance.
    ///
    /// The box reaches from the centre of the first row and column to that of the last, as in
    /// MedSAM. It keeps at least one pixel of width and height.
    ///
    /// - Parameters:
    ///   - share: how far a side moves at most, inwards or outwards, as a share of the box's extent
    ///     in that direction.
    ///   - random: the sample's numbers.
    /// - Returns: the box, inside the picture.
    public func box(jitter share: Double = 0.1, using random: inout SampleRandom) -> Prompt {
        guard let box = mask.boundingBox else { return nothing(using: &random) }
        func moved(_ low: Int, _ high: Int, _ extent: Int) -> (Double, Double) {
            let reach = share * Double(high - low)
            // An empty range has no numbers; without jitter two are drawn all the same.
            let moves = [random.uniform(-1..<1) * reach, random.uniform(-1..<1) * reach]
            let last = max(Double(extent - 1), 0.5)
            var start = min(max(Double(low) + moves[0], 0), last)
            var end = min(max(Double(high - 1) + moves[1], 0), last)
            if end - start < 1 {
                let middle = (start + end) / 2
                start = max(middle - 0.5, 0)
                end = min(middle + 0.5, last)
            }
            return (start, end)
        }
        let (x0, x1) = moved(box.x0, box.x1, mask.width)
        let (y0, y1) = moved(box.y0, box.y1, mask.height)
        return Prompt(box: PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1))
    }

    private func nothing(using random: inout SampleRandom) -> Prompt {
        Prompt(negatives: mask.inverted().randomPoints(1, using: &random))
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

    /// Pixels inside, each as likely as the others; none where there are none.
    func randomPoints(_ count: Int, using random: inout SampleRandom) -> [PixelPoint] {
        let inside = area
        guard inside > 0 else { return [] }
        return (0..<count).map { _ in
            var left = random.below(inside)
            let place = values.firstIndex { value in
                if value != 0 { left -= 1 }
                return left < 0
            }
            let (y, x) = (place ?? 0).quotientAndRemainder(dividingBy: width)
            return PixelPoint(x: Double(x), y: Double(y))
        }
    }
}
