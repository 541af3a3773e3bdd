/// An RGB picture to draw on; what falls outside is not drawn.
struct Canvas {
    let width: Int
    let height: Int
    private var pixels: [UInt8]

    /// - Parameter image: what is drawn on; grey becomes RGB.
    init(_ image: Image) {
        width = image.width
        height = image.height
        pixels = image.rgb().pixels
    }

    /// - Parameters:
    ///   - size: rows and columns.
    ///   - colour: the whole canvas.
    init(_ size: Size, colour: Colour) {
        width = size.width
        height = size.height
        pixels = [UInt8](repeating: 0, count: 3 * size.area)
        fill(PixelBox(x0: 0, y0: 0, x1: width, y1: height), colour)
    }

    var image: Image { Image(width: width, height: height, channels: 3, pixels: pixels) }

    /// Mixes a colour in.
    ///
    /// - Parameters:
    ///   - x: column; may lie outside.
    ///   - y: row; may lie outside.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixel, 256 replaces it.
    mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, alpha: Int = 256) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            colour.mix(into: pixels, at: 3 * (y * width + x), alpha: alpha)
        }
    }

    /// Mixes a colour in at every pixel of a mask, with one access to the storage for all of them.
    ///
    /// - Parameters:
    ///   - mask: of the canvas's size.
    ///   - box: what of it to look at.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixels, 256 replaces them.
    mutating func blend(_ mask: Mask, in box: PixelBox, _ colour: Colour, alpha: Int) {
        precondition(mask.width == width && mask.height == height, "a mask of the canvas's size")
        pixels.withUnsafeMutableBufferPointer { pixels in
            mask.values.withUnsafeBufferPointer { values in
                for y in box.y0..<box.y1 {
                    for i in y * width + box.x0..<y * width + box.x1 where values[i] != 0 {
                        colour.mix(into: pixels, at: 3 * i, alpha: alpha)
                    }
                }
            }
        }
    }

    /// Fills a rectangle.
    ///
    /// - Parameters:
    ///   - box: columns and rows; may reach outside.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixels, 256 replaces them.
    mutating func fill(_ box: PixelBox, _ colour: Colour, alpha: Int = 256) {
        let (x0, x1) = (max(box.x0, 0), min(box.x1, width))
        let (y0, y1) = (max(box.y0, 0), min(box.y1, height))
        guard x0 < x1, y0 < y1 else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            for y in y0..<y1 {
                for x in x0..<x1 {
                    colour.mix(into: pixels, at: 3 * (y * width + x), alpha: alpha)
                }
            }
        }
    }

    /// Fills a disc with soft edges.
    ///
    /// - Parameters:
    ///   - x: centre's column, in whole pixel corners.
    ///   - y: centre's row, in whole pixel corners.
    ///   - radius: in pixels.
    ///   - colour: the colour.
    mutating func disc(x: Double, y: Double, radius: Double, _ colour: Colour) {
        let reach = Int(radius) + 2
        for row in Int(y) - reach...Int(y) + reach {
            for column in Int(x) - reach...Int(x) + reach {
                let dx = Double(column) + 0.5 - x
                let dy = Double(row) + 0.5 - y
                let cover = min(max(radius + 0.5 - (dx * dx + dy * dy).squareRoot(), 0), 1)
                blend(column, row, colour, alpha: Int(cover * 256))
            }
        }
    }

    /// Copies a picture in.
    ///
    /// - Parameters:
    ///   - image: must fit inside; grey becomes RGB.
    ///   - x: column of its left edge.
    ///   - y: row of its upper edge.
    mutating func place(_ image: Image, x: Int, y: Int) {
        let source = image.rgb()
        for row in 0..<source.height {
            let to = 3 * ((y + row) * width + x)
            let from = 3 * row * source.width
            pixels.replaceSubrange(
                to..<to + 3 * source.width, with: source.pixels[from..<from + 3 * source.width])
        }
    }
}
