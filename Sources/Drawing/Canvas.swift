import Imaging

/// An RGB image to draw on; drawing is clipped to the image.
struct Canvas {
    let width: Int
    let height: Int
    private var pixels: [UInt8]

    /// - Parameter image: the background; a grey image becomes RGB.
    init(_ image: Image) {
        width = image.width
        height = image.height
        pixels = image.rgb().pixels
    }

    /// - Parameters:
    ///   - size: rows and columns.
    ///   - colour: the background.
    init(_ size: Size, colour: Colour) {
        width = size.width
        height = size.height
        pixels = [UInt8](repeating: 0, count: 3 * size.area)
        fill(PixelBox(x0: 0, y0: 0, x1: width, y1: height), colour)
    }

    var image: Image { Image(width: width, height: height, channels: 3, pixels: pixels) }

    /// Blends a colour into one pixel.
    ///
    /// - Parameters:
    ///   - x: column; may be outside.
    ///   - y: row; may be outside.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixel, 256 replaces it.
    mutating func blend(_ x: Int, _ y: Int, _ colour: Colour, alpha: Int = 256) {
        guard x >= 0, y >= 0, x < width, y < height else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            colour.mix(into: pixels, at: 3 * (y * width + x), alpha: alpha)
        }
    }

    /// Blends a colour into the foreground of a mask.
    ///
    /// - Parameters:
    ///   - part: a mask inside the canvas.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixels, 256 replaces them.
    mutating func fill(_ part: MaskPart, _ colour: Colour, alpha: Int) {
        let box = part.box
        pixels.withUnsafeMutableBufferPointer { pixels in
            part.mask.values.withUnsafeBufferPointer { values in
                for y in box.y0..<box.y1 {
                    let from = (y - box.y0) * box.width
                    let to = y * width + box.x0
                    for i in 0..<box.width where values[from + i] != 0 {
                        colour.mix(into: pixels, at: 3 * (to + i), alpha: alpha)
                    }
                }
            }
        }
    }

    /// Fills a rectangle.
    ///
    /// - Parameters:
    ///   - box: columns and rows; may be partly outside.
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
    ///   - x: column of the centre; whole numbers are pixel corners.
    ///   - y: row of the centre; whole numbers are pixel corners.
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

    /// Copies an image onto the canvas.
    ///
    /// - Parameters:
    ///   - image: must fit inside; a grey image becomes RGB.
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

extension Canvas {
    /// Draws a line through points with soft edges, clipped to a box.
    ///
    /// Each pixel is blended once, even if several segments cover it, so that joints are not visible.
    ///
    /// - Parameters:
    ///   - points: (column, row); whole numbers are pixel corners.
    ///   - width: the line's width in pixels.
    ///   - colour: the line's colour.
    ///   - box: the clipping box, inside the canvas.
    mutating func polyline(
        _ points: [(x: Double, y: Double)], width: Double, _ colour: Colour, in box: PixelBox
    ) {
        guard box.width > 0, box.height > 0 else { return }
        var cover = [UInt16](repeating: 0, count: box.width * box.height)
        for (from, to) in zip(points, points.dropFirst()) {
            cover.add(from, to, radius: width / 2, in: box)
        }
        for y in box.y0..<box.y1 {
            for x in box.x0..<box.x1 {
                let alpha = cover[(y - box.y0) * box.width + x - box.x0]
                if alpha > 0 { blend(x, y, colour, alpha: Int(alpha)) }
            }
        }
    }
}

extension [UInt16] {
    /// Raises the coverage of the pixels near a segment: 256 on the segment, less at its edges.
    fileprivate mutating func add(
        _ from: (x: Double, y: Double), _ to: (x: Double, y: Double), radius: Double,
        in box: PixelBox
    ) {
        let reach = radius + 1
        let (dx, dy) = (to.x - from.x, to.y - from.y)
        let length = dx * dx + dy * dy
        let y0 = Swift.max(min(from.y, to.y) - reach, Double(box.y0))
        let y1 = Swift.min(max(from.y, to.y) + reach, Double(box.y1))
        guard y0 < y1 else { return }
        for y in Int(y0)..<Swift.min(Int(y1.rounded(.up)), box.y1) {
            // Only the columns of this row that are near the segment.
            let row = Double(y) + 0.5
            var (low, high) = (min(from.x, to.x), max(from.x, to.x))
            if abs(dy) > 1e-9 {
                let slope = dx / dy
                let a = from.x + (row - reach - from.y) * slope
                let b = from.x + (row + reach - from.y) * slope
                low = Swift.max(low, min(a, b))
                high = Swift.min(high, max(a, b))
            }
            let x0 = Swift.max(low - reach, Double(box.x0))
            let x1 = Swift.min(high + reach, Double(box.x1))
            guard x0 < x1 else { continue }
            for x in Int(x0)..<Swift.min(Int(x1.rounded(.up)), box.x1) {
                let (px, py) = (Double(x) + 0.5 - from.x, row - from.y)
                let along =
                    length > 0 ? Swift.min(Swift.max((px * dx + py * dy) / length, 0), 1) : 0
                let (ex, ey) = (px - along * dx, py - along * dy)
                let distance = (ex * ex + ey * ey).squareRoot()
                let alpha = UInt16(Swift.min(Swift.max(radius + 0.5 - distance, 0), 1) * 256)
                let index = (y - box.y0) * box.width + x - box.x0
                self[index] = Swift.max(self[index], alpha)
            }
        }
    }

    private func min(_ a: Double, _ b: Double) -> Double { Swift.min(a, b) }
    private func max(_ a: Double, _ b: Double) -> Double { Swift.max(a, b) }
}

/// A colour with 8 bits per channel.
struct Colour: Hashable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    static let white = Colour(red: 255, green: 255, blue: 255)
    static let black = Colour(red: 0, green: 0, blue: 0)
    static let strip = Colour(red: 24, green: 24, blue: 28)
    static let stripText = Colour(red: 235, green: 235, blue: 235)
    static let foregroundPoint = Colour(red: 0, green: 170, blue: 60)
    static let backgroundPoint = Colour(red: 220, green: 30, blue: 40)

    /// The colour-blind safe palette of Okabe and Ito; those that are brightest on grey first.
    private static let palette = [
        Colour(red: 86, green: 180, blue: 233),
        Colour(red: 230, green: 159, blue: 0),
        Colour(red: 204, green: 121, blue: 167),
        Colour(red: 240, green: 228, blue: 66),
        Colour(red: 0, green: 158, blue: 115),
        Colour(red: 213, green: 94, blue: 0),
        Colour(red: 0, green: 114, blue: 178),
    ]

    /// The colour of an object by its index; the seven colours repeat.
    static func object(_ index: Int) -> Colour { palette[index % palette.count] }

    /// Blends this colour into three samples; an `alpha` of 256 replaces them.
    @inline(__always)
    func mix(into pixels: UnsafeMutableBufferPointer<UInt8>, at start: Int, alpha: Int) {
        func mixed(_ old: UInt8, _ new: UInt8) -> UInt8 {
            UInt8(truncatingIfNeeded: (Int(old) &* (256 &- alpha) &+ Int(new) &* alpha &+ 128) >> 8)
        }
        pixels[start] = mixed(pixels[start], red)
        pixels[start + 1] = mixed(pixels[start + 1], green)
        pixels[start + 2] = mixed(pixels[start + 2], blue)
    }

    /// Black or white, whichever is more legible on this colour.
    var legible: Colour {
        let luma = 299 * Int(red) + 587 * Int(green) + 114 * Int(blue)
        return luma > 128_000 ? .black : .white
    }
}
