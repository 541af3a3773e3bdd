/// An image with 8 bits per sample, row-major, with interleaved channels.
public struct Image: Equatable, Sendable {
    /// Columns, at least 1.
    public let width: Int
    /// Rows, at least 1.
    public let height: Int
    /// 1 (grey) or 3 (red, green, blue).
    public let channels: Int
    /// Samples: `pixels[(y * width + x) * channels + c]`.
    public var pixels: [UInt8] {
        didSet {
            precondition(
                pixels.count == width * height * channels, "the number of samples cannot change")
        }
    }

    /// - Parameters:
    ///   - width: columns, at least 1.
    ///   - height: rows, at least 1.
    ///   - channels: 1 (grey) or 3 (RGB).
    ///   - pixels: `width * height * channels` samples, row-major, interleaved.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "an image must have pixels")
        precondition(channels == 1 || channels == 3, "an image must be grey or RGB")
        precondition(
            pixels.count == width * height * channels, "the number of samples must fit the size")
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }

    /// The value that all pixels have; nil where they differ.
    public var uniformValue: [UInt8]? {
        let first = Array(pixels.prefix(channels))
        let isUniform = pixels.withUnsafeBufferPointer { pixels in
            var index = 0
            while index < pixels.count, pixels[index] == first[index % first.count] { index += 1 }
            return index == pixels.count
        }
        return isUniform ? first : nil
    }
}

/// OpenCV's two conversions from RGB to grey, which differ by at most one grey level.
public enum GreyRounding: Hashable, Sendable {
    /// As `imread(..., IMREAD_GRAYSCALE)` reads a PNG: `(9797 R + 19234 G + 3737 B) >> 15`.
    case reading
    /// As `cvtColor(..., COLOR_RGB2GRAY)`: `(9798 R + 19235 G + 3735 B + 2^14) >> 15`.
    case conversion
}

extension Image {
    /// Luma: 0.299 R + 0.587 G + 0.114 B, in OpenCV's fixed point.
    ///
    /// - Parameter rounding: OpenCV's conversion; the authors' preprocessing uses `reading`.
    /// - Returns: an image of one channel; a grey image is returned unchanged.
    public func grey(_ rounding: GreyRounding = .reading) -> Image {
        if channels == 1 { return self }
        let (redWeight, greenWeight, blueWeight, half): (UInt32, UInt32, UInt32, UInt32) =
            switch rounding {
            case .reading: (9797, 19234, 3737, 0)
            case .conversion: (9798, 19235, 3735, 1 << 14)
            }
        let count = width * height
        let grey = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    let red = redWeight &* UInt32(source[3 * i])
                    let green = greenWeight &* UInt32(source[3 * i + 1])
                    let blue = blueWeight &* UInt32(source[3 * i + 2])
                    target[i] = UInt8(truncatingIfNeeded: (red &+ green &+ blue &+ half) >> 15)
                }
            }
            initialized = count
        }
        return Image(width: width, height: height, channels: 1, pixels: grey)
    }

    /// Converts to RGB by repeating the grey channel.
    ///
    /// - Returns: an image of three channels; an RGB image is returned unchanged.
    public func rgb() -> Image {
        if channels == 3 { return self }
        let count = width * height
        let colour = [UInt8](unsafeUninitializedCapacity: 3 * count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    target[3 * i] = source[i]
                    target[3 * i + 1] = source[i]
                    target[3 * i + 2] = source[i]
                }
            }
            initialized = 3 * count
        }
        return Image(width: width, height: height, channels: 3, pixels: colour)
    }
}

extension Image {
    /// Crops to a rectangle.
    ///
    /// - Parameter box: the columns and rows of the crop; not empty, and inside the image.
    /// - Returns: an image of the box's size.
    public func cropped(to box: PixelBox) -> Image {
        precondition(
            box.x0 >= 0 && box.y0 >= 0 && box.x1 <= width && box.y1 <= height,
            "the crop must be inside the image")
        var cropped: [UInt8] = []
        cropped.reserveCapacity(box.width * box.height * channels)
        for y in box.y0..<box.y1 {
            let row = (y * width + box.x0) * channels
            cropped.append(contentsOf: pixels[row..<row + box.width * channels])
        }
        return Image(width: box.width, height: box.height, channels: channels, pixels: cropped)
    }

    /// Pads on the right and at the bottom.
    ///
    /// - Parameters:
    ///   - size: the new size, at least this image's size.
    ///   - value: the value of the new samples.
    /// - Returns: an image of the new size with this image in the top left corner.
    public func padded(to size: Size, value: UInt8 = 0) -> Image {
        precondition(
            size.width >= width && size.height >= height, "padding cannot make an image smaller")
        var extended: [UInt8] = []
        extended.reserveCapacity(size.area * channels)
        for y in 0..<height {
            extended.append(contentsOf: pixels[y * width * channels..<(y + 1) * width * channels])
            extended.append(
                contentsOf: repeatElement(value, count: (size.width - width) * channels))
        }
        extended.append(
            contentsOf: repeatElement(value, count: (size.height - height) * size.width * channels))
        return Image(
            width: size.width, height: size.height, channels: channels, pixels: extended)
    }
}

/// An image's extent in whole pixels.
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
    /// Width before height, as usual: `640x480`.
    public var description: String { "\(width)x\(height)" }
}

/// The size of a pixel in mm.
public struct PixelSpacing: Hashable, Sendable, Codable {
    /// Width of a pixel, in mm.
    public var x: Double
    /// Height of a pixel, in mm.
    public var y: Double

    /// - Parameters:
    ///   - x: width of a pixel, in mm; positive and finite.
    ///   - y: height of a pixel, in mm; positive and finite.
    public init(x: Double, y: Double) {
        precondition(
            x > 0 && y > 0 && x.isFinite && y.isFinite, "a pixel size must be positive and finite")
        self.x = x
        self.y = y
    }
}

/// The notice that is shown with every result.
public enum ResearchNotice {
    /// The text of the notice.
    public static let text = "research use only, not a medical device"
}
