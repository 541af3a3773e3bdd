/// A rectangle of whole pixels, half open: columns `x0..<x1`, rows `y0..<y1`.
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
        precondition(x0 <= x1 && y0 <= y1, "a box's corners are in order")
        self.x0 = x0
        self.y0 = y0
        self.x1 = x1
        self.y1 = y1
    }

    /// Columns covered.
    public var width: Int { x1 - x0 }

    /// Rows covered.
    public var height: Int { y1 - y0 }

    /// Grows by `margin` pixels on each side, and stays inside `size`.
    ///
    /// - Parameters:
    ///   - margin: pixels on each side, at least 0.
    ///   - size: the picture that bounds the box; the box must lie inside it.
    /// - Returns: the larger box.
    public func grown(by margin: Int, inside size: Size) -> PixelBox {
        PixelBox(
            x0: max(x0 - margin, 0), y0: max(y0 - margin, 0),
            x1: min(x1 + margin, size.width), y1: min(y1 + margin, size.height))
    }
}
