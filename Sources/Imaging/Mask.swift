/// A picture's inside and outside: one number a pixel, row-major, 1 inside and 0 outside.
public struct Mask: Equatable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// 0 or 1: `values[y * width + x]`.
    public let values: [UInt8]

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - values: `width * height` numbers, row-major; 0 is outside, any other inside.
    public init(width: Int, height: Int, values: [UInt8]) {
        self.init(width: width, height: height, anyOf: values, each: 1)
    }

    /// - Parameters:
    ///   - plane: one channel, such as logits.
    ///   - threshold: values above it are inside; it itself and NaN are not.
    public init(thresholding plane: Planes, above threshold: Float) {
        precondition(plane.channels == 1, "one plane makes a mask")
        width = plane.width
        height = plane.height
        values = plane.values.map { $0 > threshold ? 1 : 0 }
    }

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - samples: `each` bytes a pixel.
    ///   - each: bytes a pixel; the pixel is inside when one of them is not 0.
    init(width: Int, height: Int, anyOf samples: [UInt8], each: Int) {
        precondition(width > 0 && height > 0, "a mask has pixels")
        precondition(samples.count == width * height * each, "as many values as the size says")
        self.width = width
        self.height = height
        values = [UInt8](unsafeUninitializedCapacity: width * height) { target, initialized in
            samples.withUnsafeBufferPointer { source in
                for i in 0..<width * height {
                    var any: UInt8 = 0
                    for k in 0..<each { any |= source[i * each + k] }
                    target[i] = any == 0 ? 0 : 1
                }
            }
            initialized = width * height
        }
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }

    /// Number of pixels inside.
    public var area: Int {
        values.withUnsafeBufferPointer { $0.reduce(0) { $0 &+ Int($1) } }
    }

    /// Smallest box around the pixels inside; nil when there are none.
    public var boundingBox: PixelBox? {
        var (x0, y0, x1, y1) = (width, height, 0, 0)
        values.withUnsafeBufferPointer { values in
            for y in 0..<height {
                for x in 0..<width where values[y * width + x] != 0 {
                    x0 = min(x0, x)
                    x1 = max(x1, x + 1)
                    y0 = min(y0, y)
                    y1 = y + 1
                }
            }
        }
        return x0 < x1 ? PixelBox(x0: x0, y0: y0, x1: x1, y1: y1) : nil
    }

    /// A grey picture: 0 outside, 255 inside.
    ///
    /// - Returns: a picture of the mask's size.
    public func image() -> Image {
        Image(width: width, height: height, channels: 1, pixels: values.map { $0 &* 255 })
    }
}
