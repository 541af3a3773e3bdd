import Imaging

/// What somebody says about one object in an image, in the image's own pixels.
public struct Prompt: Equatable, Sendable {
    /// Clicks on the object.
    public var points: [PixelPoint]
    /// Clicks beside it.
    public var backgroundPoints: [PixelPoint]
    /// A box around it.
    public var box: PixelRectangle?
    /// A rough mask of it, of the image's size.
    public var mask: Mask?

    /// A prompt of any combination.
    ///
    /// - Parameters:
    ///   - points: clicks on the object.
    ///   - backgroundPoints: clicks beside it.
    ///   - box: a box around it.
    ///   - mask: a rough mask of it, of the image's size.
    public init(
        points: [PixelPoint] = [], backgroundPoints: [PixelPoint] = [], box: PixelRectangle? = nil,
        mask: Mask? = nil
    ) {
        self.points = points
        self.backgroundPoints = backgroundPoints
        self.box = box
        self.mask = mask
    }

    /// The kinds of prompt it uses.
    public var kinds: Set<PromptKind> {
        var kinds: Set<PromptKind> = []
        if !points.isEmpty || !backgroundPoints.isEmpty { kinds.insert(.click) }
        if box != nil { kinds.insert(.box) }
        if mask != nil { kinds.insert(.mask) }
        return kinds
    }
}

/// A way to say which object is meant.
public enum PromptKind: String, Sendable, CaseIterable, Codable {
    case click, box, mask
}

extension PromptKind {
    /// Where a file of weights states the prompts it was trained with, as `box,click`.
    public static let metadataKey = "samus.prompts"

    /// The prompts that a file of weights states.
    ///
    /// - Parameter metadata: the file's remarks.
    /// - Returns: nil where it states none, or something else.
    public static func stated(in metadata: [String: String]) -> Set<PromptKind>? {
        guard let text = metadata[metadataKey] else { return nil }
        let words = text.split(separator: ",")
        let kinds = words.compactMap { PromptKind(rawValue: String($0)) }
        return kinds.count == words.count ? Set(kinds) : nil
    }
}

extension Prompt {
    /// A prompt that fits an image, and what had to be put right; only ``Prompt/checked(for:allowingOnlyBackgroundPoints:)`` makes one.
    public struct Checked: Equatable, Sendable {
        /// The prompt, with corners in order and inside the image.
        public let prompt: Prompt
        /// The image's size.
        public let size: Size
        /// A sentence for each change.
        public let notes: [String]

        fileprivate init(_ prompt: Prompt, size: Size, notes: [String] = []) {
            self.prompt = prompt
            self.size = size
            self.notes = notes
        }
    }

    /// Checks the prompt against an image.
    ///
    /// Corners of a box may be given in any order, and a box may reach over the edge: both are put
    /// right and said. All else that does not fit is refused.
    ///
    /// - Parameters:
    ///   - size: of the image.
    ///   - allowingOnlyBackgroundPoints: whether clicks beside the object are enough, as in SAMUS's
    ///     training and test on images without it.
    /// - Returns: the prompt to use.
    /// - Throws: ``PromptError`` when it does not say which object in this image is meant.
    public func checked(
        for size: Size, allowingOnlyBackgroundPoints: Bool = false
    ) throws(PromptError) -> Checked {
        guard !kinds.isEmpty else { throw .empty }
        guard allowingOnlyBackgroundPoints || !points.isEmpty || box != nil || mask != nil else {
            throw .onlyBackgroundPoints
        }
        for point in points + backgroundPoints {
            try Self.check(point, in: size)
        }
        if let mask {
            guard mask.size == size else {
                throw .maskOfOtherSize(mask: mask.size, image: size)
            }
            guard mask.area > 0 else { throw .emptyMask }
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
            "nothing says which object is meant: give a box, a click or a mask"
        case .onlyBackgroundPoints:
            "clicks beside the object say only what it is not: add a box or a click on it"
        case .notANumber(let what):
            "\(what) is not a finite number"
        case .pointOutside(let point, let size):
            "the click \(point.text) lies outside the image, which is \(size) pixels"
        case .boxOutside(let box, let size):
            "the box \(box.text) lies outside the image, which is \(size) pixels"
        case .boxWithoutArea(let box):
            "the box \(box.text) has no area: two opposite corners are needed, x0,y0,x1,y1"
        case .maskOfOtherSize(let mask, let image):
            "the mask is \(mask) pixels, the image \(image): they must agree"
        case .emptyMask:
            "the mask has no pixel inside"
        }
    }
}

extension PixelPoint {
    /// As the command line takes it: `x,y`.
    public var text: String { "\(short(x)),\(short(y))" }
}

extension PixelRectangle {
    /// As the command line takes it: `x0,y0,x1,y1`.
    public var text: String { [x0, y0, x1, y1].map(short).joined(separator: ",") }
}

private func short(_ value: Double) -> String {
    // Only whole numbers that an Int holds are shortened; 1e300 and NaN stay as they are.
    Int(exactly: value).map(String.init) ?? "\(value)"
}

/// What has to agree for prompts to be decoded together.
private struct PromptForm: Hashable {
    let clicks: Int
    let hasBox: Bool
    let hasMask: Bool

    init(_ prompt: Prompt) {
        clicks = prompt.points.count + prompt.backgroundPoints.count
        hasBox = prompt.box != nil
        hasMask = prompt.mask != nil
    }
}

extension [Prompt.Checked] {
    /// Decodes prompts in as few passes as their forms allow, for an engine's
    /// ``EncodedImage/predict(_:multimask:)``.
    ///
    /// - Parameters:
    ///   - limit: prompts in one pass; more would only cost memory.
    ///   - decode: takes prompts with as many clicks, all or none with a box, all or none with a
    ///     mask, and gives the masks of each.
    /// - Returns: for each prompt its masks.
    /// - Throws: what `decode` throws.
    public func predictedTogether(
        atMost limit: Int = 64, _ decode: ([Prompt]) throws -> [[MaskPrediction]]
    ) rethrows -> [[MaskPrediction]] {
        var results = [[MaskPrediction]](repeating: [], count: count)
        let forms = Dictionary(grouping: indices) { PromptForm(self[$0].prompt) }
        for places in forms.values {
            for start in stride(from: 0, to: places.count, by: limit) {
                let taken = places[start..<Swift.min(start + limit, places.count)]
                for (place, masks) in zip(taken, try decode(taken.map { self[$0].prompt })) {
                    results[place] = masks
                }
            }
        }
        return results
    }
}
