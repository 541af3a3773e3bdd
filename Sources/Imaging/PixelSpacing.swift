/// How large a pixel is, in mm.
public struct PixelSpacing: Hashable, Sendable, Codable {
    /// Width of a pixel, in mm.
    public var x: Double
    /// Height of a pixel, in mm.
    public var y: Double

    /// - Parameters:
    ///   - x: width of a pixel, in mm; positive and finite.
    ///   - y: height of a pixel, in mm; positive and finite.
    public init(x: Double, y: Double) {
        precondition(x > 0 && y > 0 && x.isFinite && y.isFinite, "pixels have an extent")
        self.x = x
        self.y = y
    }
}
