import Imaging

/// How densely an image is asked for objects, and which masks are kept.
///
/// Names, meaning and defaults are those of segment-anything's `SamAutomaticMaskGenerator`, whose
/// defaults were chosen for SAM's ViT-H.
public struct AutomaticMaskOptions: Equatable, Sendable {
    /// Clicks along one side of the grid over the image; at least 1.
    public var pointsPerSide = 32
    /// Clicks that go through the decoder at once; at least 1.
    public var pointsPerBatch = 64
    /// Masks with a lower or equal estimate of the IoU are dropped; 0 keeps all.
    public var predictedIoU = 0.88
    /// Masks with a lower stability score are dropped; 0 keeps all.
    public var stability = 0.95
    /// How far the cut through the logits moves up and down for the stability score; at least 0.
    public var stabilityOffset = 1.0
    /// Of two masks of one crop whose boxes overlap more, only the better one is kept; 0...1.
    public var boxNMS = 0.7
    /// Layers of crops beside the whole image; layer n has 4^n crops; 0...8.
    public var cropLayers = 0
    /// Of two masks of different crops whose boxes overlap more, only that of the smaller crop is
    /// kept; 0...1.
    public var cropNMS = 0.7
    /// Overlap of the first layer's crops in parts of the image's shorter side, below 1.
    ///
    /// Deeper layers overlap less.
    public var cropOverlap = 512.0 / 1500.0
    /// Layer n has this power n times fewer clicks along a side; at least 1.
    public var cropPointsDownscale = 1
    /// Holes and islands of fewer pixels are removed; 0 leaves all.
    public var minimumRegionArea = 0

    /// The defaults of segment-anything.
    public init() {}

    /// Deeper layers than this have crops of a few pixels even in the largest images.
    static let deepestLayer = 8

    /// Checks that masks can be looked for with these.
    ///
    /// - Throws: ``AutomaticMaskError`` for the first value that cannot be used.
    public func validate() throws(AutomaticMaskError) {
        try check("pointsPerSide", pointsPerSide, in: 1...1024)
        try check("pointsPerBatch", pointsPerBatch, in: 1...65536)
        try check("predictedIoU", predictedIoU, in: 0...1)
        try check("stability", stability, in: 0...1)
        try check("stabilityOffset", stabilityOffset, in: 0...1e6)
        try check("boxNMS", boxNMS, in: 0...1)
        try check("cropLayers", cropLayers, in: 0...Self.deepestLayer)
        try check("cropNMS", cropNMS, in: 0...1)
        try check("cropOverlap", cropOverlap, in: 0...1.0.nextDown)
        try check("cropPointsDownscale", cropPointsDownscale, in: 1...1024)
        try check("minimumRegionArea", minimumRegionArea, in: 0...Int.max)
        for layer in 0...cropLayers where pointsPerSide(inLayer: layer) == 0 {
            throw .noPoints(layer: layer)
        }
    }

    /// Clicks along one side of a crop's grid.
    ///
    /// - Parameter layer: 0 is the whole image.
    /// - Returns: 0 when the layers before used them up.
    func pointsPerSide(inLayer layer: Int) -> Int {
        // Dividing step by step rounds down to the same number as dividing once.
        (0..<layer).reduce(pointsPerSide) { points, _ in points / cropPointsDownscale }
    }

    private func check<Value: Comparable>(
        _ name: String, _ value: Value, in range: ClosedRange<Value>
    ) throws(AutomaticMaskError) {
        guard range.contains(value) else {
            throw .outOfRange(
                option: name, value: "\(value)",
                allowed: "\(range.lowerBound)...\(range.upperBound)")
        }
    }
}

/// Why masks cannot be looked for.
public enum AutomaticMaskError: Error, Equatable, Sendable {
    case outOfRange(option: String, value: String, allowed: String)
    case noPoints(layer: Int)
}

extension AutomaticMaskError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .outOfRange(let option, let value, let allowed):
            "\(option) is \(value), but must be in \(allowed)"
        case .noPoints(let layer):
            "layer \(layer) of the crops has no point left: ask for more points per side, for "
                + "fewer layers, or for a smaller cropPointsDownscale"
        }
    }
}

/// Clicks spread evenly over a crop, row by row.
enum ClickGrid {
    /// The clicks of one crop, in the crop's pixels.
    ///
    /// Each stands in the middle of its cell, computed as NumPy's `linspace` computes it, so that
    /// coordinates agree to the last bit.
    ///
    /// - Parameters:
    ///   - side: clicks along one side, at least 1.
    ///   - size: of the crop.
    /// - Returns: `side * side` clicks.
    static func points(side: Int, size: Size) -> [PixelPoint] {
        let places = places(side)
        return places.flatMap { y in
            places.map { x in
                PixelPoint(x: x * Double(size.width), y: y * Double(size.height))
            }
        }
    }

    private static func places(_ count: Int) -> [Double] {
        let first = 1 / Double(2 * count)
        guard count > 1 else { return [first] }
        let last = 1 - first
        let step = (last - first) / Double(count - 1)
        return (0..<count - 1).map { Double($0) * step + first } + [last]
    }
}
