import Imaging

/// Marks one object in an image, in pixels of the image.
///
/// Points, a box and a mask may be combined. Pixel (0, 0) is the centre of the upper left pixel.
public struct Prompt: Equatable, Sendable {
    /// Clicks on and outside the object, in the order in which they were given.
    public var clicks: [PromptClick]
    /// A box around the object.
    public var box: PixelRectangle?
    /// A rough mask of the object, of the image's size.
    public var mask: Mask?
    /// The logits of an earlier mask, as the decoder returned them; they take the place of `mask`.
    package var logits: Planes?

    /// Combines any prompts.
    ///
    /// - Parameters:
    ///   - foregroundPoints: points on the object.
    ///   - backgroundPoints: points outside the object.
    ///   - box: a box around the object.
    ///   - mask: a rough mask of the object, of the image's size.
    public init(
        foregroundPoints: [PixelPoint] = [], backgroundPoints: [PixelPoint] = [],
        box: PixelRectangle? = nil, mask: Mask? = nil
    ) {
        self.init(
            clicks: foregroundPoints.map { PromptClick($0, isForeground: true) }
                + backgroundPoints.map { PromptClick($0, isForeground: false) },
            box: box, mask: mask)
    }

    /// Combines any prompts, with the clicks in their order.
    ///
    /// - Parameters:
    ///   - clicks: clicks on and outside the object, the first one first.
    ///   - box: a box around the object.
    ///   - mask: a rough mask of the object, of the image's size.
    public init(clicks: [PromptClick], box: PixelRectangle? = nil, mask: Mask? = nil) {
        self.clicks = clicks
        self.box = box
        self.mask = mask
    }

    /// Points on the object: positive clicks.
    public var foregroundPoints: [PixelPoint] {
        get { clicks.filter(\.isForeground).map(\.point) }
        set { replaceClicks(isForeground: true, by: newValue) }
    }

    /// Points outside the object: negative clicks.
    public var backgroundPoints: [PixelPoint] {
        get { clicks.filter { !$0.isForeground }.map(\.point) }
        set { replaceClicks(isForeground: false, by: newValue) }
    }

    /// Replaces the clicks of one kind where they are; more of them follow all clicks.
    private mutating func replaceClicks(isForeground: Bool, by points: [PixelPoint]) {
        var left = points[...]
        clicks = clicks.compactMap { click in
            guard click.isForeground == isForeground else { return click }
            return left.popFirst().map { PromptClick($0, isForeground: isForeground) }
        }
        clicks += left.map { PromptClick($0, isForeground: isForeground) }
    }

    /// The kinds of prompt that are combined here.
    public var kinds: Set<PromptKind> {
        var kinds: Set<PromptKind> = []
        if !foregroundPoints.isEmpty || !backgroundPoints.isEmpty { kinds.insert(.click) }
        if box != nil { kinds.insert(.box) }
        if mask != nil { kinds.insert(.mask) }
        return kinds
    }
}

extension Prompt {
    /// One point on the object: a positive click.
    ///
    /// - Parameters:
    ///   - x: pixels to the right of the centre of the image's leftmost column.
    ///   - y: pixels below the centre of the image's top row.
    /// - Returns: a prompt with one foreground point.
    public static func point(x: Double, y: Double) -> Prompt {
        Prompt(foregroundPoints: [PixelPoint(x: x, y: y)])
    }

    /// Points on the object and points outside it.
    ///
    /// - Parameters:
    ///   - foreground: points on the object.
    ///   - background: points outside the object.
    /// - Returns: a prompt with these points.
    public static func points(
        _ foreground: [PixelPoint], background: [PixelPoint] = []
    ) -> Prompt {
        Prompt(foregroundPoints: foreground, backgroundPoints: background)
    }

    /// A box around the object, given by two opposite corners in pixels.
    ///
    /// - Parameters:
    ///   - x0: left side.
    ///   - y0: top side.
    ///   - x1: right side.
    ///   - y1: bottom side.
    /// - Returns: a prompt with this box.
    public static func box(x0: Double, y0: Double, x1: Double, y1: Double) -> Prompt {
        Prompt(box: PixelRectangle(x0: x0, y0: y0, x1: x1, y1: y1))
    }

    /// A rough mask of the object.
    ///
    /// - Parameter mask: a mask of the image's size.
    /// - Returns: a prompt with this mask.
    public static func mask(_ mask: Mask) -> Prompt {
        Prompt(mask: mask)
    }
}

/// A click of a prompt.
public struct PromptClick: Equatable, Sendable {
    /// The place, in pixels of the image.
    public var point: PixelPoint
    /// Whether the click is on the object.
    public var isForeground: Bool

    /// A click.
    ///
    /// - Parameters:
    ///   - point: the place, in pixels of the image.
    ///   - isForeground: whether the click is on the object.
    public init(_ point: PixelPoint, isForeground: Bool) {
        self.point = point
        self.isForeground = isForeground
    }
}

/// A kind of prompt.
public enum PromptKind: String, Sendable, CaseIterable, Codable {
    case click, box, mask
}

extension PromptKind {
    /// The metadata key under which a weights file states its training prompts, for example
    /// `box,click`.
    public static let metadataKey = "samus.prompts"

    /// The training prompts that a weights file states in its metadata.
    ///
    /// - Parameter metadata: the file's metadata.
    /// - Returns: nil if the metadata has no entry or an entry that cannot be read.
    public static func stated(in metadata: [String: String]) -> Set<PromptKind>? {
        guard let text = metadata[metadataKey] else { return nil }
        let words = text.split(separator: ",")
        let kinds = words.compactMap { PromptKind(rawValue: String($0)) }
        return kinds.count == words.count ? Set(kinds) : nil
    }
}

extension Prompt {
    /// A prompt that fits an image; made by ``Prompt/checked(for:allowingOnlyBackgroundPoints:)``.
    public struct Checked: Equatable, Sendable {
        /// The prompt; the corners of its box are in order and inside the image.
        public let prompt: Prompt
        /// The image's size.
        public let size: Size
        /// One sentence for each correction.
        public let notes: [String]

        fileprivate init(_ prompt: Prompt, size: Size, notes: [String] = []) {
            self.prompt = prompt
            self.size = size
            self.notes = notes
        }

        /// Another prompt for the same image: a part of this one.
        func replacing(_ prompt: Prompt) -> Checked { Checked(prompt, size: size, notes: notes) }
    }

    /// Checks the prompt against an image.
    ///
    /// The corners of a box are put in order and a box is cut off at the image's border; each
    /// correction is noted. Everything else that does not fit throws.
    ///
    /// - Parameters:
    ///   - size: of the image.
    ///   - allowingOnlyBackgroundPoints: whether a prompt may consist of background points alone,
    ///     as in SAMUS's training and test on images that do not show the object.
    /// - Returns: the corrected prompt.
    /// - Throws: ``PromptError`` if the prompt does not mark an object in this image.
    public func checked(
        for size: Size, allowingOnlyBackgroundPoints: Bool = false
    ) throws(PromptError) -> Checked {
        guard !kinds.isEmpty else { throw .empty }
        guard allowingOnlyBackgroundPoints || !foregroundPoints.isEmpty || box != nil || mask != nil
        else {
            throw .onlyBackgroundPoints
        }
        for point in foregroundPoints + backgroundPoints {
            try Self.check(point, in: size)
        }
        if let mask {
            guard mask.size == size else {
                throw .maskOfOtherSize(mask: mask.size, image: size)
            }
            guard !mask.isEmpty else { throw .emptyMask }
        }
        guard let box else { return Checked(self, size: size) }
        let (fitted, notes) = try Self.fit(box, to: size)
        var result = self
        result.box = fitted
        return Checked(result, size: size, notes: notes)
    }

    private static func check(_ point: PixelPoint, in size: Size) throws(PromptError) {
        guard point.x.isFinite, point.y.isFinite else {
            throw .notANumber("a coordinate of the click \(point.text)")
        }
        // Pixel i reaches from i - 0.5 to i + 0.5.
        let columns = -0.5...(Double(size.width) - 0.5)
        let rows = -0.5...(Double(size.height) - 0.5)
        guard columns.contains(point.x), rows.contains(point.y) else {
            throw .pointOutside(point, size)
        }
    }

    private static func fit(
        _ box: PixelRectangle, to size: Size
    ) throws(PromptError) -> (PixelRectangle, [String]) {
        guard [box.x0, box.y0, box.x1, box.y1].allSatisfy(\.isFinite) else {
            throw .notANumber("a corner of the box \(box.text)")
        }
        var notes: [String] = []
        let ordered = PixelRectangle(
            x0: min(box.x0, box.x1), y0: min(box.y0, box.y1),
            x1: max(box.x0, box.x1), y1: max(box.y0, box.y1))
        if ordered != box {
            notes.append("the corners of the box \(box.text) were put in order: \(ordered.text)")
        }
        guard ordered.x0 < ordered.x1, ordered.y0 < ordered.y1 else { throw .boxWithoutArea(box) }
        let (width, height) = (Double(size.width), Double(size.height))
        guard ordered.x0 < width, ordered.y0 < height, ordered.x1 > 0, ordered.y1 > 0 else {
            throw .boxOutside(box, size)
        }
        let inside = PixelRectangle(
            x0: max(ordered.x0, 0), y0: max(ordered.y0, 0),
            x1: min(ordered.x1, width), y1: min(ordered.y1, height))
        if inside != ordered {
            notes.append(
                "the box \(ordered.text) reaches outside the image of \(size) pixels "
                    + "and was cut to \(inside.text)")
        }
        return (inside, notes)
    }
}

/// Why a prompt cannot be used on an image.
public enum PromptError: Error, Equatable, Sendable {
    case empty
    case onlyBackgroundPoints
    case notANumber(String)
    case pointOutside(PixelPoint, Size)
    case boxOutside(PixelRectangle, Size)
    case boxWithoutArea(PixelRectangle)
    case maskOfOtherSize(mask: Size, image: Size)
    case emptyMask
}

extension PromptError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .empty:
            "the prompt is empty: give a box, a click or a mask"
        case .onlyBackgroundPoints:
            "background points alone do not mark an object: add a box or a foreground point"
        case .notANumber(let what):
            "\(what) is not a finite number"
        case .pointOutside(let point, let size):
            "the click \(point.text) lies outside the image, which is \(size) pixels"
        case .boxOutside(let box, let size):
            "the box \(box.text) lies outside the image, which is \(size) pixels"
        case .boxWithoutArea(let box):
            "the box \(box.text) has no area: give two opposite corners, x0,y0,x1,y1"
        case .maskOfOtherSize(let mask, let image):
            "the mask is \(mask) pixels, the image \(image): both must have the same size"
        case .emptyMask:
            "the mask is empty"
        }
    }
}

extension PixelPoint {
    /// The point as written on the command line: `x,y`.
    public var text: String { "\(short(x)),\(short(y))" }
}

extension PixelRectangle {
    /// The box as written on the command line: `x0,y0,x1,y1`.
    public var text: String { [x0, y0, x1, y1].map(short).joined(separator: ",") }
}

private func short(_ value: Double) -> String {
    // Whole numbers are printed without a fraction, unless they exceed Int, as 1e300.
    Int(exactly: value).map(String.init) ?? "\(value)"
}
