import Imaging

/// Clicks spread evenly over a crop, row by row.
enum PointGrid {
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
