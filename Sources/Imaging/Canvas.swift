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
            let start = 3 * (y * width + x)
            func mix(_ old: UInt8, _ new: UInt8) -> UInt8 {
                UInt8((Int(old) * (256 - alpha) + Int(new) * alpha + 128) >> 8)
            }
            pixels[start] = mix(pixels[start], colour.red)
            pixels[start + 1] = mix(pixels[start + 1], colour.green)
            pixels[start + 2] = mix(pixels[start + 2], colour.blue)
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
        for y in y0..<y1 {
            for x in x0..<x1 { blend(x, y, colour, alpha: alpha) }
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
