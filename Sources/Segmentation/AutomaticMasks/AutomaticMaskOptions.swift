import Imaging

/// Options of automatic mask generation: density of the point grid, and which masks are kept.
///
/// Names, meaning and defaults are those of segment-anything's `SamAutomaticMaskGenerator`, whose
/// defaults were chosen for SAM's ViT-H.
public struct AutomaticMaskOptions: Equatable, Sendable {
    /// Points along one side of the grid over the image; at least 1.
    public var pointsPerSide = 32
    /// Points decoded in one batch; at least 1.
    public var pointsPerBatch = 64
    /// Masks whose estimated IoU is not above this are dropped; 0 keeps all.
    public var predictedIoU = 0.88
    /// Masks with a lower stability score are dropped; 0 keeps all.
    public var stability = 0.95
    /// Offset of the two logit thresholds of the stability score; at least 0.
    public var stabilityOffset = 1.0
    /// Box IoU above which only the better of two masks of one crop is kept; 0...1.
    public var boxNMS = 0.7
    /// Layers of crops in addition to the whole image; layer n has 4^n crops; 0...8.
    public var cropLayers = 0
    /// Box IoU above which only the mask of the smaller crop is kept, for two masks of different
    /// crops; 0...1.
    public var cropNMS = 0.7
    /// Overlap of the first layer's crops as a fraction of the image's shorter side, below 1.
    ///
    /// Deeper layers overlap less.
    public var cropOverlap = 512.0 / 1500.0
    /// Points along a side are divided by the n-th power of this in layer n; at least 1.
    public var cropPointsDownscale = 1
    /// Holes and islands with fewer pixels are removed; 0 keeps all.
    public var minimumRegionArea = 0

    /// The defaults of segment-anything.
    public init() {}

    /// Deeper layers than this have crops of a few pixels even in the largest images.
    static let deepestLayer = 8

    /// Checks that all values are in range.
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

    /// Points along one side of a crop's grid.
    ///
    /// - Parameter layer: 0 is the whole image.
    /// - Returns: the number of points; 0 when `cropPointsDownscale` leaves none.
    func pointsPerSide(inLayer layer: Int) -> Int {
        // Dividing step by step rounds down to the same number as dividing by the power.
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

/// Why masks cannot be generated.
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
            "layer \(layer) of the crops has no points: use more points per side, fewer layers "
                + "or a smaller cropPointsDownscale"
        }
    }
}

/// Points spread evenly over a crop, row by row.
enum CropPoints {
    /// The points of one crop, in pixels of the crop.
    ///
    /// Each point lies in the middle of its cell. Coordinates are computed as by NumPy's `linspace`
    /// and are equal bit for bit.
    ///
    /// - Parameters:
    ///   - side: points along one side, at least 1.
    ///   - size: size of the crop.
    /// - Returns: `side * side` points.
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
