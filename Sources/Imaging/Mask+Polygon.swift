extension Mask {
    /// Fills polygons, each by the even-odd rule; a pixel is inside when its centre is in one.
    ///
    /// Corners are in the coordinates of ``PixelPoint``, whose whole numbers are pixel centres.
    /// A centre on a left or upper side is inside, on a right or lower side outside, so that
    /// polygons which share a side share no pixel. Pillow and OpenCV draw every pixel that a
    /// side touches as well: they differ from this along the outline only.
    ///
    /// - Parameters:
    ///   - polygons: closed polygons, without a repeated first corner; corners may lie outside
    ///     the picture, but are finite.
    ///   - size: the mask's size.
    public init(polygons: [[PixelPoint]], size: Size) {
        var values = [UInt8](repeating: 0, count: size.area)
        for polygon in polygons {
            let rows = Self.rows(of: polygon, size: size)
            guard !rows.isEmpty else { continue }
            var flips = [UInt8](repeating: 0, count: rows.count * size.width)
            for (index, corner) in polygon.enumerated() {
                let next = polygon[(index + 1) % polygon.count]
                Self.flip(corner, next, rows: rows, width: size.width, &flips)
            }
            for row in 0..<rows.count {
                var inside: UInt8 = 0
                let start = (rows.lowerBound + row) * size.width
                for x in 0..<size.width {
                    inside ^= flips[row * size.width + x]
                    values[start + x] |= inside
                }
            }
        }
        self.init(width: size.width, height: size.height, values: values)
    }

    /// The rows of the picture whose centres a polygon can reach.
    private static func rows(of polygon: [PixelPoint], size: Size) -> Range<Int> {
        precondition(
            polygon.allSatisfy { $0.x.isFinite && $0.y.isFinite }, "corners are finite")
        let height = Double(size.height)
        let top = polygon.reduce(height) { min($0, $1.y.rounded(.up)) }
        let bottom = polygon.reduce(0) { max($0, $1.y.rounded(.up)) }
        return Int(max(top, 0))..<Int(max(min(bottom, height), max(top, 0)))
    }

    /// In each row that a side crosses, marks the first pixel on its right.
    private static func flip(
        _ one: PixelPoint, _ other: PixelPoint, rows: Range<Int>, width: Int,
        _ flips: inout [UInt8]
    ) {
        let (upper, lower) = one.y < other.y ? (one, other) : (other, one)
        let top = max(upper.y.rounded(.up), Double(rows.lowerBound))
        let bottom = min(lower.y.rounded(.up), Double(rows.upperBound))
        guard top < bottom else { return }
        for y in Int(top)..<Int(bottom) {
            let share = (Double(y) - upper.y) / (lower.y - upper.y)
            let x = (upper.x + share * (lower.x - upper.x)).rounded(.up)
            guard x < Double(width) else { continue }
            flips[(y - rows.lowerBound) * width + Int(max(x, 0))] ^= 1
        }
    }

    /// Fills what an outline encloses: every pixel from which no way past the outline leads to
    /// the picture's border, as SciPy's `binary_fill_holes` does.
    ///
    /// - Returns: the outline and all that is inside it.
    public func filled() -> Mask {
        let outside = Mask(width: width, height: height, values: values.map { 1 - $0 })
            .labelled(connectivity: .four)
        var reachesBorder = [Bool](repeating: false, count: outside.areas.count + 1)
        for y in 0..<height {
            let step = y == 0 || y == height - 1 ? 1 : max(width - 1, 1)
            for x in stride(from: 0, to: width, by: step) {
                reachesBorder[Int(outside.labels[y * width + x])] = true
            }
        }
        return Mask(
            width: width, height: height,
            values: outside.labels.map { $0 == 0 || !reachesBorder[Int($0)] ? 1 : 0 })
    }

    /// Fills what a convex outline encloses, also where the picture's border cuts it.
    ///
    /// The inside is the piece of the rest that holds the outline's centre.
    ///
    /// - Returns: the outline and its inside; nil when there is no outline, or a gap in it.
    public func filledConvexOutline() -> Mask? {
        guard area > 0 else { return nil }
        var (sumX, sumY) = (0, 0)
        for y in 0..<height {
            for x in 0..<width where values[y * width + x] != 0 {
                sumX += x
                sumY += y
            }
        }
        // Holes in the outline's own stroke are filled too, and are not its inside.
        let place = sumY / area * width + sumX / area
        let whole = filled()
        if whole.values[place] != 0 && values[place] == 0 { return whole }
        let pieces = Mask(width: width, height: height, values: values.map { 1 - $0 })
            .labelled(connectivity: .four)
        let centre = pieces.labels[place]
        // With a gap, inside and outside are one piece.
        guard centre != 0, pieces.areas.count > 1 else { return nil }
        return Mask(
            width: width, height: height,
            values: pieces.labels.map { $0 == 0 || $0 == centre ? 1 : 0 })
    }
}
