/// A point of a prompt in an image: column x, row y, from the top left.
///
/// Whole numbers are *pixel centres*, as in SAM: (3, 5) is the centre of the pixel in column 3 and
/// row 5, and pixel i extends from i - 0.5 to i + 0.5. (SAM's prompt encoder adds the half pixel.)
public struct PixelPoint: Hashable, Sendable {
    /// Column, from the left.
    public var x: Double
    /// Row, from the top.
    public var y: Double

    /// - Parameters:
    ///   - x: column, from the left.
    ///   - y: row, from the top.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// A rectangle of whole pixels: columns `x0..<x1`, rows `y0..<y1`.
public struct PixelBox: Hashable, Sendable {
    /// First column.
    public var x0: Int
    /// First row.
    public var y0: Int
    /// Column after the last.
    public var x1: Int
    /// Row after the last.
    public var y1: Int

    /// - Parameters:
    ///   - x0: first column.
    ///   - y0: first row.
    ///   - x1: column after the last, at least `x0`.
    ///   - y1: row after the last, at least `y0`.
    public init(x0: Int, y0: Int, x1: Int, y1: Int) {
        precondition(x0 <= x1 && y0 <= y1, "the corners of a box must be in order")
        self.x0 = x0
        self.y0 = y0
        self.x1 = x1
        self.y1 = y1
    }

    /// Number of columns.
    public var width: Int { x1 - x0 }

    /// Number of rows.
    public var height: Int { y1 - y0 }

    /// Grows by `margin` pixels on each side, within `size`.
    ///
    /// - Parameters:
    ///   - margin: pixels on each side, at least 0.
    ///   - size: the image's size; the box must be inside the image.
    /// - Returns: the larger box.
    public func grown(by margin: Int, inside size: Size) -> PixelBox {
        PixelBox(
            x0: max(x0 - margin, 0), y0: max(y0 - margin, 0),
            x1: min(x1 + margin, size.width), y1: min(y1 + margin, size.height))
    }
}

/// A box of a prompt: two opposite corners in the coordinates of ``PixelPoint``.
public struct PixelRectangle: Hashable, Sendable {
    /// Left edge.
    public var x0: Double
    /// Top edge.
    public var y0: Double
    /// Right edge.
    public var x1: Double
    /// Bottom edge.
    public var y1: Double

    /// - Parameters:
    ///   - x0: left edge.
    ///   - y0: top edge.
    ///   - x1: right edge.
    ///   - y1: bottom edge.
    public init(x0: Double, y0: Double, x1: Double, y1: Double) {
        self.x0 = x0
        self.y0 = y0
        self.x1 = x1
        self.y1 = y1
    }
}

/// Which neighbours of a pixel belong to the same component.
public enum Connectivity: Hashable, Sendable, CaseIterable {
    /// Neighbours that share an edge.
    case four
    /// Neighbours that share an edge or a corner.
    case eight
}
