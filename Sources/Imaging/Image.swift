/// A picture of 8 bits a sample, row-major, channels interleaved.
public struct Image: Equatable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// 1 (grey) or 3 (red, green, blue).
    public let channels: Int
    /// Samples: `pixels[(y * width + x) * channels + c]`.
    public var pixels: [UInt8] {
        didSet { precondition(pixels.count == width * height * channels, "samples keep count") }
    }

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - channels: 1 (grey) or 3 (RGB).
    ///   - pixels: `width * height * channels` samples, row-major, interleaved.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "a picture has pixels")
        precondition(channels == 1 || channels == 3, "a picture is grey or RGB")
        precondition(pixels.count == width * height * channels, "as many samples as the size says")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }
}
