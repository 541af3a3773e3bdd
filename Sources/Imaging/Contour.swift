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
