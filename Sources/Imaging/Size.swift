/// A picture's extent in whole pixels.
public struct Size: Hashable, Sendable {
    /// Rows.
    public var height: Int
    /// Columns.
    public var width: Int

    /// - Parameters:
    ///   - height: rows.
    ///   - width: columns.
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Number of pixels.
    public var area: Int { height * width }
}

extension Size: CustomStringConvertible {
    /// Width before height, as people say it: `640x480`.
    public var description: String { "\(width)x\(height)" }
}
