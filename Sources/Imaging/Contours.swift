/// A corner of a pixel: (x, y) is the top left corner of the pixel in column x and row y.
///
/// In the coordinates of ``PixelPoint``, in which whole numbers are pixel centres, it is the point
/// (x - 0.5, y - 0.5).
public struct PixelCorner: Hashable, Sendable {
    /// Number of columns to the left.
    public var x: Int
    /// Number of rows above.
    public var y: Int

    /// - Parameters:
    ///   - x: number of columns to the left.
    ///   - y: number of rows above.
    public init(x: Int, y: Int) {
        self.x = x
        self.y = y
    }
}

/// A closed polygon along the edges between foreground and background pixels.
///
/// The sides are alternately horizontal and vertical, and the last corner is connected to the first.
/// On a screen, an outer contour runs clockwise and a hole counter-clockwise, so that the foreground
/// is always on the right.
public struct Contour: Hashable, Sendable {
    /// The corners of the polygon, at least 4; the first one is not repeated at the end.
    public let corners: [PixelCorner]

    /// - Parameter corners: the corners of the polygon; consecutive corners differ in either x or y.
    public init(corners: [PixelCorner]) {
        self.corners = corners
    }

    /// Number of enclosed pixels, which is the polygon's area; negative for a hole.
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
    ///   - contours: outer contours and holes within the size, in any order.
    ///   - size: the mask's size.
    public init(filling contours: [Contour], size: Size) {
        var values = [UInt8](repeating: 0, count: size.area)
        for contour in contours {
            for (index, corner) in contour.corners.enumerated() {
                let next = contour.corners[(index + 1) % contour.corners.count]
                // Each vertical side flips all pixels on its right.
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
    /// The contours along the edges between foreground and background pixels.
    ///
    /// The contours are exact: filling the polygons restores the mask. (OpenCV's `findContours`
    /// connects pixel *centres* instead, so that thin shapes lose their area.)
    ///
    /// - Parameter connectivity: whether pixels that touch at a corner share a contour, which then
    ///   passes through this corner twice.
    /// - Returns: an outer contour for each component and a contour for each hole, in the order of
    ///   their first upper edges, row by row.
    public func contours(connectivity: Connectivity = .eight) -> [Contour] {
        guard let box = boundingBox else { return [] }
        var seen = [Bool](repeating: false, count: box.width * box.height)
        var contours: [Contour] = []
        let grid = Grid(mask: self)
        forEachChange { x, y, isUpperEdge in
            guard isUpperEdge, !seen[(y - box.y0) * box.width + x - box.x0] else { return }
            contours.append(
                grid.follow(x: x, y: y, connectivity: connectivity) { x, y in
                    seen[(y - box.y0) * box.width + x - box.x0] = true
                })
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

    /// The two pixels ahead of a corner.
    func ahead(_ x: Int, _ y: Int, _ heading: Heading) -> (left: Bool, right: Bool) {
        switch heading {
        case .east: (isInside(x, y - 1), isInside(x, y))
        case .south: (isInside(x, y), isInside(x - 1, y))
        case .west: (isInside(x - 1, y), isInside(x - 1, y - 1))
        case .north: (isInside(x - 1, y - 1), isInside(x, y - 1))
        }
    }

    /// Follows a contour from the upper edge of a pixel until it is closed, with the foreground on the
    /// right.
    ///
    /// Every contour has a side that runs east, which is the upper edge of pixels: if these edges are
    /// marked, each contour is found once.
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
    /// Fills polygons by the even-odd rule; a pixel is foreground if its centre is in a polygon.
    ///
    /// Corners are in the coordinates of ``PixelPoint``, in which whole numbers are pixel centres.
    /// A centre on a left or upper side is inside, and one on a right or lower side is outside, so
    /// that polygons with a common side have no pixel in common. Pillow and OpenCV also draw all
    /// pixels that a side touches: their masks differ from this one along the outline only.
    ///
    /// - Parameters:
    ///   - polygons: closed polygons, without a repeated first corner; corners must be finite, and
    ///     may be outside the image.
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

    /// The rows of the image that a polygon can cover.
    private static func rows(of polygon: [PixelPoint], size: Size) -> Range<Int> {
        precondition(
            polygon.allSatisfy { $0.x.isFinite && $0.y.isFinite }, "corners must be finite")
        let height = Double(size.height)
        let top = polygon.reduce(height) { min($0, $1.y.rounded(.up)) }
        let bottom = polygon.reduce(0) { max($0, $1.y.rounded(.up)) }
        return Int(max(top, 0))..<Int(max(min(bottom, height), max(top, 0)))
    }

    /// Marks the first pixel on the right of a side, in each row that the side crosses.
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

    /// Fills the holes of the mask, as SciPy's `binary_fill_holes` does.
    ///
    /// A hole is a set of background pixels that is not connected to the image's border.
    ///
    /// - Returns: the mask with its holes filled.
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

    /// Fills a convex outline, even if the image's border cuts it.
    ///
    /// The inside is the component of the background that contains the outline's centre.
    ///
    /// - Returns: the outline and its inside; nil if the mask is empty or the outline has a gap.
    public func filledConvexOutline() -> Mask? {
        guard area > 0 else { return nil }
        var (sumX, sumY) = (0, 0)
        for y in 0..<height {
            for x in 0..<width where values[y * width + x] != 0 {
                sumX += x
                sumY += y
            }
        }
        // Small holes in the line itself are filled too, but are not the inside.
        let place = sumY / area * width + sumX / area
        let whole = filled()
        if whole.values[place] != 0 && values[place] == 0 { return whole }
        let pieces = Mask(width: width, height: height, values: values.map { 1 - $0 })
            .labelled(connectivity: .four)
        let centre = pieces.labels[place]
        // With a gap, inside and outside are one component.
        guard centre != 0, pieces.areas.count > 1 else { return nil }
        return Mask(
            width: width, height: height,
            values: pieces.labels.map { $0 == 0 || $0 == centre ? 1 : 0 })
    }
}
