/// A box as a prompt names it: two opposite corners in the coordinates of ``PixelPoint``.
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
