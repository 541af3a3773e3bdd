import Imaging
import Segmentation

/// Makes prompts from the label of an object.
///
/// Where the label is empty, every prompt is one click on the background, labelled as such, as in
/// the authors' program: the middle background pixel for strategies without random numbers, a
/// random one for the others.
public struct PromptSampler: Sendable {
    /// How far training moves each side of a box, as a fraction of the box's width or height.
    public static let trainingBoxJitter = 0.1

    /// How prompts are made.
    public let strategy: PromptStrategy
    /// How far each side of a box is moved at most, inwards or outwards, as a fraction of the box's
    /// width or height.
    public let boxJitter: Double

    /// - Parameters:
    ///   - strategy: how prompts are made.
    ///   - boxJitter: how far each side of a box is moved at most, as a fraction of the box's width
    ///     or height.
    public init(_ strategy: PromptStrategy, boxJitter: Double = 0) {
        self.strategy = strategy
        self.boxJitter = boxJitter
    }

    /// Makes one prompt, as a training step needs it.
    ///
    /// - Parameters:
    ///   - mask: the object's pixels.
    ///   - random: generator of random clicks and moved sides.
    /// - Returns: the prompt, in pixels of the mask; empty for ``PromptStrategy/promptFree``. Of
    ///   ``PromptStrategy/corrections(_:)`` the first click or box.
    public func prompt(for mask: Mask, using random: inout SampleRandom) -> Prompt {
        switch strategy {
        case .promptFree:
            return Prompt()
        case .fixedClick:
            return Self.middleClick(on: mask)
        case .randomClicks:
            return Self.randomClicks(1, on: mask, using: &random)
        case .clicks(let count):
            return Self.randomClicks(count, on: mask, using: &random)
        case .backgroundPoints(let count):
            var prompt = Self.randomClicks(1, on: mask, using: &random)
            if mask.area > 0 {
                prompt.backgroundPoints = mask.randomPixels(count, inside: false, using: &random)
            }
            return prompt
        case .box(let growth):
            return box(around: mask, growth: growth, using: &random)
        case .boxAndClick:
            var prompt = Self.randomClicks(1, on: mask, using: &random)
            if mask.area > 0 { prompt.box = box(around: mask, growth: 0, using: &random).box }
            return prompt
        case .corrections:
            return random.happens(0.5)
                ? box(around: mask, growth: 0, using: &random)
                : Self.randomClicks(1, on: mask, using: &random)
        case .onNothing:
            return Self.promptOnNothing(besides: mask, using: &random) ?? Self.middleClick(on: mask)
        case .interactive:
            guard mask.area > 0 else { return Self.randomClicks(1, on: mask, using: &random) }
            if random.happens(0.5), let box = mask.promptBox {
                return Prompt(box: box.looselyDrawn(inside: mask.size, using: &random))
            }
            return Prompt(foregroundPoints: [mask.clickedPixel(using: &random)].compactMap(\.self))
        }
    }

    /// Makes all prompts of an object, as an evaluation needs them.
    ///
    /// - Parameters:
    ///   - mask: the object's pixels, in the image's size.
    ///   - random: generator of random clicks.
    /// - Returns: ``PromptStrategy/promptCount`` prompts; nil for ``PromptStrategy/promptFree``.
    public func prompts(for mask: Mask, using random: inout SampleRandom) -> [Prompt.Checked]? {
        guard strategy.usesLabel else { return nil }
        return (0..<strategy.promptCount).map { _ in
            let prompt = prompt(for: mask, using: &random)
            do throws(PromptError) {
                return try prompt.checked(for: mask.size, allowingOnlyBackgroundPoints: true)
            } catch {
                preconditionFailure("a prompt made from a label fits its image: \(error)")
            }
        }
    }

    /// One click that corrects a mask: on a random pixel of the missed part or of the excess,
    /// whichever is larger.
    ///
    /// - Parameters:
    ///   - prediction: the mask so far.
    ///   - mask: the object's pixels, of the same size.
    ///   - random: generator of the click.
    /// - Returns: a foreground point where pixels are missed, a background point where there are
    ///   too many, nothing where the mask is right. Of equal errors the missed part counts.
    public static func correction(
        of prediction: Mask, mask: Mask, using random: inout SampleRandom
    ) -> Prompt {
        precondition(prediction.size == mask.size, "the prediction must have the mask's size")
        let missed = mask.without(prediction)
        let excess = prediction.without(mask)
        return missed.area >= excess.area
            ? Prompt(foregroundPoints: missed.randomPixels(1, using: &random))
            : Prompt(backgroundPoints: excess.randomPixels(1, using: &random))
    }

    private static func middleClick(on mask: Mask) -> Prompt {
        let isEmpty = mask.area == 0
        let click = mask.middlePixel(inside: !isEmpty).map { [$0] } ?? []
        return isEmpty ? Prompt(backgroundPoints: click) : Prompt(foregroundPoints: click)
    }

    private static func randomClicks(
        _ count: Int, on mask: Mask, using random: inout SampleRandom
    ) -> Prompt {
        mask.area == 0
            ? Prompt(backgroundPoints: mask.randomPixels(1, inside: false, using: &random))
            : Prompt(foregroundPoints: mask.randomPixels(count, using: &random))
    }

    private func box(
        around mask: Mask, growth: Double, using random: inout SampleRandom
    ) -> Prompt {
        guard let box = mask.promptBox else {
            return boxJitter > 0
                ? Self.randomClicks(1, on: mask, using: &random) : Self.middleClick(on: mask)
        }
        let grown = box.grown(byFraction: growth, inside: mask.size)
        guard boxJitter > 0 else { return Prompt(box: grown) }
        return Prompt(box: moved(grown, inside: mask.size, using: &random))
    }

    /// Moves each side; width and height stay at least one pixel.
    private func moved(
        _ box: PixelRectangle, inside size: Size, using random: inout SampleRandom
    ) -> PixelRectangle {
        func moved(_ low: Double, _ high: Double, _ extent: Int) -> (Double, Double) {
            let reach = boxJitter * (high - low)
            let last = max(Double(extent) - 1, 0.5)
            let start = min(max(low + random.uniform(-1..<1) * reach, 0), last)
            let end = min(max(high + random.uniform(-1..<1) * reach, 0), last)
            guard end - start < 1 else { return (start, end) }
            let middle = (start + end) / 2
            return (max(middle - 0.5, 0), min(middle + 0.5, last))
        }
        let (x0, x1) = moved(box.x0, box.x1, size.width)
        let (y0, y1) = moved(box.y0, box.y1, size.height)
        return PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1)
    }
}

extension Mask {
    func without(_ other: Mask) -> Mask {
        Mask(width: width, height: height, values: zip(values, other.values).map { $0 & ~$1 })
    }

    /// The smallest box from the centre of the object's first column and row to the centre of the
    /// last ones, as MedSAM makes its prompts.
    ///
    /// Where the object is one pixel wide or high, the box reaches to that pixel's edges. Nil where
    /// the mask is empty.
    public var promptBox: PixelRectangle? {
        boundingBox.map { box in
            let (x, y) = (box.width == 1 ? 0.5 : 0, box.height == 1 ? 0.5 : 0)
            return PixelRectangle(
                x0: Double(box.x0) - x, y0: Double(box.y0) - y, x1: Double(box.x1 - 1) + x,
                y1: Double(box.y1 - 1) + y
            ).grown(byFraction: 0, inside: size)
        }
    }

    /// The middle one of the pixels in row-major order: of n pixels the one with n / 2 before it.
    ///
    /// The authors' `fixed_click`. It need not lie in the middle of the object.
    ///
    /// - Parameter inside: true for the object's pixels, false for the background's.
    /// - Returns: the pixel's centre; nil where there is no such pixel.
    public func middlePixel(inside: Bool = true) -> PixelPoint? {
        let count = inside ? area : values.count - area
        return pixel(count / 2, inside: inside)
    }

    /// Random pixels, each as likely as any other; one may come twice.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - inside: true for the object's pixels, false for the background's.
    ///   - random: generator of the draws.
    /// - Returns: the pixels' centres; none where there is no such pixel.
    func randomPixels(
        _ count: Int, inside: Bool = true, using random: inout SampleRandom
    ) -> [PixelPoint] {
        let candidates = inside ? area : values.count - area
        guard candidates > 0 else { return [] }
        return (0..<count).compactMap { _ in
            pixel(Int.random(in: 0..<candidates, using: &random), inside: inside)
        }
    }

    /// A pixel by its index among those inside, or outside, in row-major order.
    private func pixel(_ index: Int, inside: Bool) -> PixelPoint? {
        var left = index
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

extension PixelRectangle {
    /// Grows the box on each side, within an image.
    ///
    /// - Parameters:
    ///   - fraction: of the box's width to the left and the right, of its height up and down.
    ///   - size: of the image.
    /// - Returns: the larger box.
    func grown(byFraction fraction: Double, inside size: Size) -> PixelRectangle {
        let (dx, dy) = (fraction * (x1 - x0), fraction * (y1 - y0))
        return PixelRectangle(
            x0: max(x0 - dx, 0), y0: max(y0 - dy, 0),
            x1: min(x1 + dx, max(Double(size.width) - 1, 0.5)),
            y1: min(y1 + dy, max(Double(size.height) - 1, 0.5)))
    }
}
