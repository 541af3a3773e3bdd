/// A corner between pixels: (x, y) is the top left corner of the pixel in column x and row y.
///
/// In the coordinates of ``PixelPoint``, whose whole numbers are pixel centres, it lies at
/// (x - 0.5, y - 0.5).
public struct PixelCorner: Hashable, Sendable {
    /// Columns to the left of it.
    public var x: Int
    /// Rows above it.
    public var y: Int

    /// - Parameters:
    ///   - x: columns to the left of it.
    ///   - y: rows above it.
    public init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }
}

/// A closed polygon along the edges between pixels inside and outside.
///
/// Its sides are horizontal and vertical in turn, and the last corner is joined to the first. Seen
/// on a screen, an outer contour runs clockwise and a hole counter-clockwise, so that the inside
/// is always on the right.
public struct Contour: Hashable, Sendable {
    /// Where the polygon turns, at least 4 corners, without a repeated last one.
    public let corners: [PixelCorner]

    /// - Parameter corners: where the polygon turns; neighbours differ in x or in y.
    public init(corners: [PixelCorner]) {
        self.corners = corners
    }

    /// Enclosed pixels, negative for a hole: the polygon's area, which here is exact.
    public var signedArea: Int {
        var sum = 0
        for (index, corner) in corners.enumerated() {
            let next = corners[(index + 1) % corners.count]
            sum += corner.x * next.y - next.x * corner.y
        }
        return sum / 2
    }

    /// Whether the polygon surrounds a hole.
    public var isHole: Bool { signedArea < 0 }
}

extension Mask {
    /// Fills polygons by the even-odd rule: the inverse of ``contours(connectivity:)``.
    ///
    /// - Parameters:
    ///   - contours: outer contours and holes, in any order, inside the size.
    ///   - size: the mask's size.
    public init(filling contours: [Contour], size: Size) {
        var values = [UInt8](repeating: 0, count: size.area)
        for contour in contours {
            for (index, corner) in contour.corners.enumerated() {
                let next = contour.corners[(index + 1) % contour.corners.count]
                // Each vertical side flips everything on its right.
                guard corner.x == next.x && corner.x < size.width else { continue }
                for y in min(corner.y, next.y)..<max(corner.y, next.y) {
                    values[y * size.width + corner.x] ^= 1
                }
            }
        }
        for y in 0..<size.height {
            for i in y * size.width + 1..<max((y + 1) * size.width, y * size.width + 1) {
                values[i] ^= values[i - 1]
            }
        }
        self.init(width: size.width, height: size.height, values: values)
    }
}

extension Mask {
    /// Follows the edges between inside and outside.
    ///
    /// Nothing is smoothed or lost: filling the polygons gives the mask back. (OpenCV's
    /// `findContours` joins pixel *centres* instead, so that thin shapes lose their area.)
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner share one contour, which
    ///   then passes through that corner twice.
    /// - Returns: one outer contour a component and one contour a hole, in the order of their
    ///   first upper edges, row by row.
    public func contours(connectivity: Connectivity = .eight) -> [Contour] {
        var seen = [Bool](repeating: false, count: values.count)
        var contours: [Contour] = []
        let grid = Grid(mask: self)
        for y in 0..<height {
            for x in 0..<width where grid.isUpperEdge(x, y) && !seen[y * width + x] {
                contours.append(
                    grid.follow(x: x, y: y, connectivity: connectivity) { x, y in
                        seen[y * width + x] = true
                    })
            }
        }
        return contours
    }
}

private enum Heading {
    case east, south, west, north

    var turnedLeft: Heading {
        switch self {
        case .east: .north
        case .south: .east
        case .west: .south
        case .north: .west
        }
    }

    var turnedRight: Heading {
        switch self {
        case .east: .south
        case .south: .west
        case .west: .north
        case .north: .east
        }
    }
}

private struct Grid {
    let mask: Mask

    func isInside(_ x: Int, _ y: Int) -> Bool {
        x >= 0 && y >= 0 && x < mask.width && y < mask.height
            && mask.values[y * mask.width + x] != 0
    }

    func isUpperEdge(_ x: Int, _ y: Int) -> Bool {
        isInside(x, y) && !isInside(x, y - 1)
    }

    /// The two pixels ahead of a corner.
    func ahead(_ x: Int, _ y: Int, _ heading: Heading) -> (left: Bool, right: Bool) {
        switch heading {
        case .east: (isInside(x, y - 1), isInside(x, y))
        case .south: (isInside(x, y), isInside(x - 1, y))
        case .west: (isInside(x - 1, y), isInside(x - 1, y - 1))
        case .north: (isInside(x - 1, y - 1), isInside(x, y - 1))
        }
    }

    /// Walks with the inside on the right, from the upper edge of a pixel until back there.
    ///
    /// Every closed walk has a side to the east, and such a side is some pixel's upper edge:
    /// marking these is enough to find each contour once.
    func follow(
        x startX: Int, y startY: Int, connectivity: Connectivity, passing: (Int, Int) -> Void
    ) -> Contour {
        var corners: [PixelCorner] = []
        var (x, y, heading) = (startX, startY, Heading.east)
        repeat {
            switch heading {
            case .east:
                passing(x, y)
                x += 1
            case .south: y += 1
            case .west: x -= 1
            case .north: y -= 1
            }
            let next = self.next(heading, ahead: ahead(x, y, heading), connectivity)
            if next != heading { corners.append(PixelCorner(x: x, y: y)) }
            heading = next
        } while (x, y) != (startX, startY) || heading != .east
        return Contour(corners: corners)
    }

    private func next(
        _ heading: Heading, ahead: (left: Bool, right: Bool), _ connectivity: Connectivity
    ) -> Heading {
        switch ahead {
        case (true, true): heading.turnedLeft
        case (false, true): heading
        case (false, false): heading.turnedRight
        // The mask touches itself at this corner.
        case (true, false): connectivity == .eight ? heading.turnedLeft : heading.turnedRight
        }
    }
}

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
    ///     the image, but are finite.
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

    /// The rows of the image whose centres a polygon can reach.
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
    /// the image's border, as SciPy's `binary_fill_holes` does.
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

    /// Fills what a convex outline encloses, also where the image's border cuts it.
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
