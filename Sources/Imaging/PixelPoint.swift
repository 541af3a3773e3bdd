/// A place in a picture as a prompt names it: column x, row y, from the top left.
///
/// Whole numbers are *pixel centres*, as in SAM: (3, 5) is the middle of the pixel in column 3 and
/// row 5, and pixel i covers i - 0.5 to i + 0.5. (SAM's prompt encoder adds the half pixel itself.)
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
