import Imaging
import Segmentation

/// How an object is followed.
public struct TrackingOptions: Equatable, Sendable {
    /// Lowest presence estimate, 0 to 1, with which the object counts as found.
    public var minimumPresence: Double

    /// - Parameter minimumPresence: lowest presence estimate of a found object, 0 to 1.
    public init(minimumPresence: Double = AnswerOptions.defaultMinimumPresence) {
        self.minimumPresence = minimumPresence
    }
}

/// Follows one object from frame to frame.
///
/// The grey levels around the object give its motion to the next frame (`MotionTemplate`). The box and the
/// logits of the neighbour's mask, moved along, are the prompt on the next frame.
///
/// A box that is read from each mask alone drifts: where the mask follows its box, an error of one frame
/// is in the box of the next. The prompt's box is therefore a mean of two: around the neighbour's
/// mask, and around the mask of the last frame with a prompt, which has come along by motion alone.
///
/// A value: a copy remembers the frame at which it was made, so that a cine can be followed in both
/// directions from there.
public struct ObjectTracker: Sendable {
    /// What a frame passes on to its neighbour.
    private struct Trace: Sendable {
        let template: MotionTemplate
        /// Points on the border of the mask.
        let outline: [PixelPoint]
        /// The same of the last frame with a prompt, moved here.
        let anchor: [PixelPoint]
        /// The part of the object's box that is inside the frame, 0 to 1.
        let visible: Double
        let logits: Planes
    }

    /// The trace as it is expected in the next frame.
    private struct Expectation {
        let motion: Similarity
        let correlation: Double
        let isBelieved: Bool
        let anchor: [PixelPoint]
        /// The part of the object's box that is inside the frame, 0 to 1.
        let visible: Double
        /// Inside the frame; nil where less than a quarter of the object is, or where the grey levels do not
        /// say where it is.
        let box: PixelRectangle?
        let logits: Planes
    }

    /// An object of which less is inside the frame counts as not found.
    private static let smallestVisiblePart = 0.25
    /// Below this part of what is looked for, the object is cut by the edge of the frame.
    private static let visiblePart = 0.8
    /// The share of the moved box of the last prompt.
    private static let anchorShare = 0.7
    /// Growth of the box on each side, as a share of its side.
    private static let boxMargin = 0.02
    /// Below this, the grey levels do not say where the object is, and it counts as not found.
    ///
    /// A model that is asked at the old place would outline what is there now. Chosen, as the other thresholds,
    /// on the first image of each set of `Benchmarks/bench.py tracking`.
    private static let lowestCorrelation = 0.5

    private let options: TrackingOptions
    /// Of the last frame that has the object as expected.
    private var trace: Trace?
    /// The motion from the frame of the trace to the last one.
    private var motion = Similarity.identity
    /// The last motion that was found from the frame of a trace: an object that moves steadily moves like that again.
    private var velocity = Similarity.identity
    /// The last prompt of the user, which counts until the object is found for the first time.
    private var prompt: Prompt?
    /// Frames without the object since the last one that has it.
    public private(set) var lostFrames = 0

    /// - Parameter options: how the object is followed.
    public init(options: TrackingOptions = .init()) {
        self.options = options
    }

    /// Segments the object in the next frame.
    ///
    /// - Parameters:
    ///   - image: the next frame.
    ///   - encoded: the same, encoded.
    ///   - given: the user's prompt on this frame; needed on the first one. A box, or a click on the
    ///     object outside of the expected box, starts again from this prompt alone; other clicks
    ///     correct the expected mask.
    /// - Returns: the mask; empty where the object was not found.
    /// - Throws: `PromptError` for a prompt that does not fit the frame, `EngineError`, and errors of
    ///   the runtime.
    public mutating func segment(
        _ image: Image, _ encoded: any EncodedImage, prompt given: Prompt? = nil
    ) throws -> SegmentationResult {
        let grey = image.grey()
        let expected = trace.map { expectation($0, in: grey, encoded.geometry) }
        if let given {
            let isAddition = given.isOnlyBackground && expected == nil
            prompt = isAddition ? prompt?.adding(given.clicks) ?? given : given
        }
        let continues = expected.flatMap { expected in
            given.map { corrects($0, expected) } ?? true ? expected : nil
        }
        // What was followed before a new start must not come back where the new object is not found.
        if continues == nil { trace = nil }
        let result = try answer(encoded, given, continues)
        guard let box = result.mask.boundingBox else {
            lostFrames += 1
            velocity = .identity
            // A bad start would keep the next motion from being found.
            motion = expected.map { $0.isBelieved ? $0.motion : .identity } ?? .identity
            return result
        }
        velocity = lostFrames == 0 ? expected?.motion ?? .identity : .identity
        lostFrames = 0
        let outline = result.mask.borderPoints
        let anchor = given == nil ? expected?.anchor ?? outline : outline
        if given == nil, let expected, !isWhole(box, expected) {
            // A part of the object, or more than the object, must not become what is looked for.
            motion = expected.motion
        } else {
            trace = Trace(
                template: MotionTemplate(grey, around: PixelRectangle(box)), outline: outline,
                anchor: anchor, visible: given == nil ? expected?.visible ?? 1 : 1,
                logits: result.logits)
            motion = .identity
        }
        return result
    }

    /// Whether the mask shows as much of the object as what is looked for.
    ///
    /// It has about the expected size, and is not cut by the frame's edge where that was not. What has
    /// changed a lot is looked for as it is now.
    private func isWhole(_ box: PixelBox, _ expected: Expectation) -> Bool {
        let isCut = expected.visible < Self.visiblePart * (trace?.visible ?? 1)
        return box.agrees(with: expected.box)
            && !(isCut && expected.correlation >= MotionTemplate.lowestDistantCorrelation)
    }

    /// Passes over a blank frame, in which a model would still see something.
    ///
    /// - Parameter size: of the frame.
    /// - Returns: an empty mask.
    public mutating func passOver(blankFrameOf size: Size) -> SegmentationResult {
        lostFrames += 1
        (motion, velocity) = (.identity, .identity)
        return .outside(Planes(channels: 1, height: 1, width: 1, values: [-1]), size)
    }

    private func expectation(
        _ trace: Trace, in image: Image, _ geometry: InputGeometry
    ) -> Expectation {
        let estimate = trace.template.motion(to: image, startingFrom: [motion, velocity])
        let isBelieved =
            estimate.correlation
            >= (lostFrames == 0 ? Self.lowestCorrelation : MotionTemplate.lowestDistantCorrelation)
        let motion = isBelieved ? estimate.motion : .identity
        let anchor = trace.anchor.map { motion($0) }
        let outline = trace.outline.map { motion($0) }
        let box = PixelRectangle(around: anchor).mixed(
            with: PixelRectangle(around: outline), share: Self.anchorShare)
        let margin = Self.boxMargin * Double(1 + min(lostFrames, 3))
        let visible = box.visiblePart(in: image.size)
        return Expectation(
            motion: motion, correlation: estimate.correlation, isBelieved: isBelieved,
            anchor: anchor,
            visible: visible,
            box: isBelieved && visible >= Self.smallestVisiblePart
                ? box.grown(by: margin).clipped(to: image.size) : nil,
            logits: trace.logits.moved(by: motion, geometry))
    }

    private func answer(
        _ image: any EncodedImage, _ given: Prompt?, _ expected: Expectation?
    ) throws -> SegmentationResult {
        let size = image.size
        let answers = AnswerOptions(minimumPresence: options.minimumPresence)
        guard let expected else {
            guard let prompt else {
                preconditionFailure("the first frame of a track needs a prompt")
            }
            return try image.segment(prompt.checked(for: size), multimask: false, options: answers)[
                0]
        }
        guard let box = expected.box else { return .outside(expected.logits, size) }
        var neighbour = Prompt(clicks: given?.clicks ?? [], box: box)
        neighbour.logits = expected.logits
        return try image.segment(
            neighbour.checked(for: size), multimask: false, options: answers)[0]
    }

    /// Whether clicks correct the expected mask; otherwise the prompt starts again.
    private func corrects(_ given: Prompt, _ expected: Expectation) -> Bool {
        if given.isOnlyBackground { return true }
        guard given.box == nil, given.mask == nil, lostFrames == 0, let box = expected.box else {
            return false
        }
        return given.foregroundPoints.allSatisfy(box.contains)
    }
}

extension Prompt {
    fileprivate var isOnlyBackground: Bool {
        box == nil && mask == nil && foregroundPoints.isEmpty
    }

    fileprivate func adding(_ clicks: [PromptClick]) -> Prompt {
        var prompt = self
        prompt.clicks += clicks
        return prompt
    }
}

extension SegmentationResult {
    /// What counts for an object that has left the frame: an empty mask, without estimates of the model.
    fileprivate static func outside(_ logits: Planes, _ size: Size) -> SegmentationResult {
        SegmentationResult(
            logits: logits,
            mask: Mask(emptyOf: size),
            iouEstimate: .nan)
    }
}

extension Mask {
    /// Points on the border, at most a few hundred.
    fileprivate var borderPoints: [PixelPoint] {
        guard let box = boundingBox else { return [] }
        var points: [PixelPoint] = []
        let step = max(1, max(box.width, box.height) / 64)
        values.withUnsafeBufferPointer { values in
            // The outermost pixels of rows and columns give the same boxes as the whole border.
            for y in stride(from: box.y0, to: box.y1, by: step) {
                let row = y * width
                let inside = (box.x0..<box.x1).filter { values[row + $0] != 0 }
                guard let first = inside.first, let last = inside.last else { continue }
                points.append(PixelPoint(x: Double(first), y: Double(y)))
                points.append(PixelPoint(x: Double(last + 1), y: Double(y)))
            }
            for x in stride(from: box.x0, to: box.x1, by: step) {
                let inside = (box.y0..<box.y1).filter { values[$0 * width + x] != 0 }
                guard let first = inside.first, let last = inside.last else { continue }
                points.append(PixelPoint(x: Double(x), y: Double(first)))
                points.append(PixelPoint(x: Double(x), y: Double(last + 1)))
            }
        }
        return points
    }
}

extension PixelBox {
    /// Whether a mask's box is about as large as expected: a third to three times the area.
    fileprivate func agrees(with expected: PixelRectangle?) -> Bool {
        guard let expected else { return false }
        let ratio =
            Double(width * height)
            / max((expected.x1 - expected.x0) * (expected.y1 - expected.y0), 1)
        return (1.0 / 3...3).contains(ratio)
    }
}

extension PixelRectangle {
    /// The outer corners of whole pixels, as box prompts have them.
    init(_ box: PixelBox) {
        self.init(x0: Double(box.x0), y0: Double(box.y0), x1: Double(box.x1), y1: Double(box.y1))
    }

    /// The smallest box around points, of which there is at least one.
    fileprivate init(around points: [PixelPoint]) {
        let (xs, ys) = (points.map(\.x), points.map(\.y))
        self.init(
            x0: xs.min() ?? 0, y0: ys.min() ?? 0, x1: xs.max() ?? 0, y1: ys.max() ?? 0)
    }

    /// A mean with another box.
    ///
    /// - Parameters:
    ///   - other: the other box.
    ///   - share: the weight of this one, 0 to 1.
    /// - Returns: a box.
    fileprivate func mixed(with other: PixelRectangle, share: Double) -> PixelRectangle {
        func mean(_ one: Double, _ two: Double) -> Double { share * one + (1 - share) * two }
        return PixelRectangle(
            x0: mean(x0, other.x0), y0: mean(y0, other.y0), x1: mean(x1, other.x1),
            y1: mean(y1, other.y1))
    }

    /// Grows on each side by a share of the box's width and height, and by at least half a pixel.
    fileprivate func grown(by margin: Double) -> PixelRectangle {
        let (dx, dy) = (max(margin * (x1 - x0), 0.5), max(margin * (y1 - y0), 0.5))
        return PixelRectangle(x0: x0 - dx, y0: y0 - dy, x1: x1 + dx, y1: y1 + dy)
    }

    /// The rectangle inside an image.
    fileprivate func clipped(to size: Size) -> PixelRectangle {
        PixelRectangle(
            x0: max(x0, 0), y0: max(y0, 0), x1: min(x1, Double(size.width)),
            y1: min(y1, Double(size.height)))
    }

    /// The part of the area that is inside an image, 0 to 1; 0 where less than a pixel is inside.
    fileprivate func visiblePart(in size: Size) -> Double {
        let part = clipped(to: size)
        let (width, height) = (part.x1 - part.x0, part.y1 - part.y0)
        guard width >= 1, height >= 1 else { return 0 }
        return width * height / ((x1 - x0) * (y1 - y0))
    }

    fileprivate func contains(_ point: PixelPoint) -> Bool {
        (x0...x1).contains(point.x) && (y0...y1).contains(point.y)
    }
}

extension Planes {
    /// Logits of an object that has moved.
    ///
    /// - Parameters:
    ///   - motion: in pixels of the image.
    ///   - geometry: how the image is placed in the model's input, which the logits cover.
    /// - Returns: logits of the same size; the nearest values where the object came from outside.
    fileprivate func moved(by motion: Similarity, _ geometry: InputGeometry) -> Planes {
        guard motion != .identity, let back = motion.inverse else { return self }
        // Input pixels for each pixel of the image, and for each cell of the logits.
        let origin = geometry.prepare(PixelPoint(x: 0, y: 0))
        let unit = geometry.prepare(PixelPoint(x: 1, y: 1))
        let scale = (x: unit.x - origin.x, y: unit.y - origin.y)
        let cell = Double(geometry.inputSize) / Double(width)
        func image(_ index: Int, _ scale: Double) -> Double {
            (Double(index) + 0.5) * cell / scale - 0.5
        }
        func place(_ value: Double, _ scale: Double, _ count: Int) -> Double {
            min(max((value + 0.5) * scale / cell - 0.5, 0), Double(count - 1))
        }
        var moved = [Float](repeating: 0, count: width * height)
        values.withUnsafeBufferPointer { values in
            for row in 0..<height {
                for column in 0..<width {
                    let from = back(PixelPoint(x: image(column, scale.x), y: image(row, scale.y)))
                    let (x, y) = (place(from.x, scale.x, width), place(from.y, scale.y, height))
                    let (x0, y0) = (Int(x), Int(y))
                    let (x1, y1) = (min(x0 + 1, width - 1), min(y0 + 1, height - 1))
                    let (u, v) = (Float(x - Double(x0)), Float(y - Double(y0)))
                    let upper = values[y0 * width + x0] * (1 - u) + values[y0 * width + x1] * u
                    let lower = values[y1 * width + x0] * (1 - u) + values[y1 * width + x1] * u
                    moved[row * width + column] = upper * (1 - v) + lower * v
                }
            }
        }
        return Planes(channels: 1, height: height, width: width, values: moved)
    }
}
