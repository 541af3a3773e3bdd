/// How large an input picture may be; checked before memory is taken for it.
public struct ImageLimits: Hashable, Sendable {
    /// Largest number of pixels, width times height.
    public var pixels: Int
    /// Largest file, in bytes.
    public var bytes: Int

    /// 100 megapixels and 512 MB.
    public static let standard = ImageLimits(pixels: 100_000_000, bytes: 512 << 20)

    /// - Parameters:
    ///   - pixels: largest number of pixels, width times height.
    ///   - bytes: largest file, in bytes.
    public init(pixels: Int, bytes: Int) {
        self.pixels = pixels
        self.bytes = bytes
    }
}
