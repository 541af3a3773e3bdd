import Imaging

/// An RGB image to draw on; what falls outside is not drawn.
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

    /// Copies an image in.
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

extension Canvas {
    /// Draws a line through points with soft edges, and nothing outside a box.
    ///
    /// A pixel is mixed once however often the line passes it, so that joints do not show.
    ///
    /// - Parameters:
    ///   - points: (column, row) in whole pixel corners.
    ///   - width: of the line, in pixels.
    ///   - colour: the line's colour.
    ///   - box: what may be drawn on; inside the canvas.
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
    /// Raises the cover of the pixels near a segment: 256 on it, less at its edge.
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
            // Of this row, only the columns that the segment comes near.
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

extension Canvas {
    /// Lays a colour over a mask.
    ///
    /// - Parameters:
    ///   - mask: of the canvas's size.
    ///   - colour: the colour.
    ///   - alpha: 0 leaves the pixels, 256 replaces them.
    mutating func fill(_ mask: Mask, _ colour: Colour, alpha: Int) {
        guard let box = mask.boundingBox else { return }
        blend(mask, in: box, colour, alpha: alpha)
    }

    /// Draws a mask's edge: a line of its colour inside, a light halo outside.
    ///
    /// Where the two meet is exactly where the mask ends.
    ///
    /// - Parameters:
    ///   - mask: of the canvas's size.
    ///   - colour: the line's colour.
    ///   - unit: width of a thin line, in pixels; the edge is half as wide again, its halo half.
    mutating func outline(_ mask: Mask, _ colour: Colour, unit: Int) {
        guard let inner = mask.boundingBox else { return }
        let lineWidth = (3 * unit + 1) / 2
        let haloWidth = (unit + 1) / 2
        let box = inner.grown(by: haloWidth + 1, inside: mask.size)
        let edge = EdgeDistance(mask, in: box)
        var index = 0
        for y in box.y0..<box.y1 {
            for x in box.x0..<box.x1 {
                if edge.inside[index] <= 3 * lineWidth && edge.inside[index] > 0 {
                    blend(x, y, colour)
                } else if edge.outside[index] <= 3 * haloWidth && edge.outside[index] > 0 {
                    blend(x, y, .white, alpha: 190)
                }
                index += 1
            }
        }
    }
}

/// How far each pixel is from the other side of a mask's edge, in thirds of a pixel.
///
/// Distances add up steps of 3 along and 4 across (the 3-4 chamfer), at most 8 % off. Beyond the
/// image is outside.
private struct EdgeDistance {
    /// To the nearest pixel outside; 0 for pixels outside.
    let inside: [Int32]
    /// To the nearest pixel inside; 0 for pixels inside.
    let outside: [Int32]

    init(_ mask: Mask, in box: PixelBox) {
        inside = Self.distances(mask, in: box, to: 0, beyond: 0)
        outside = Self.distances(mask, in: box, to: 1, beyond: Self.far)
    }

    private static let far: Int32 = 1 << 20

    private static func distances(
        _ mask: Mask, in box: PixelBox, to target: UInt8, beyond: Int32
    ) -> [Int32] {
        // One more pixel on each side, so that every pixel has its neighbours.
        let row = box.width + 2
        var distances = [Int32](repeating: beyond, count: row * (box.height + 2))
        distances.withUnsafeMutableBufferPointer { distances in
            mask.values.withUnsafeBufferPointer { values in
                for y in 0..<box.height {
                    for x in 0..<box.width {
                        let value = values[(box.y0 + y) * mask.width + box.x0 + x]
                        distances[(y + 1) * row + x + 1] = value == target ? 0 : far
                    }
                }
            }
            func relax(_ i: Int, _ step: Int) {
                let along = min(distances[i - step], distances[i - step * row]) + 3
                let across = min(distances[i - step * row - 1], distances[i - step * row + 1]) + 4
                distances[i] = min(distances[i], along, across)
            }
            for y in 1...box.height {
                for x in 1...box.width { relax(y * row + x, 1) }
            }
            for y in (1...box.height).reversed() {
                for x in (1...box.width).reversed() { relax(y * row + x, -1) }
            }
        }
        return (1...box.height).flatMap { y in
            distances[y * row + 1..<y * row + 1 + box.width]
        }
    }
}

/// A colour of 8 bits a channel.
struct Colour: Hashable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    static let white = Colour(red: 255, green: 255, blue: 255)
    static let black = Colour(red: 0, green: 0, blue: 0)
    static let strip = Colour(red: 24, green: 24, blue: 28)
    static let stripText = Colour(red: 235, green: 235, blue: 235)
    static let positiveClick = Colour(red: 0, green: 170, blue: 60)
    static let negativeClick = Colour(red: 220, green: 30, blue: 40)

    /// Okabe and Ito's colours, which colour-blind people tell apart; the brightest on grey first.
    private static let palette = [
        Colour(red: 86, green: 180, blue: 233),
        Colour(red: 230, green: 159, blue: 0),
        Colour(red: 204, green: 121, blue: 167),
        Colour(red: 240, green: 228, blue: 66),
        Colour(red: 0, green: 158, blue: 115),
        Colour(red: 213, green: 94, blue: 0),
        Colour(red: 0, green: 114, blue: 178),
    ]

    /// The colour of an object by its place in the list; after seven they repeat.
    static func object(_ index: Int) -> Colour { palette[index % palette.count] }

    /// Mixes this colour into three samples; 256 parts of `alpha` replace them.
    @inline(__always)
    func mix(into pixels: UnsafeMutableBufferPointer<UInt8>, at start: Int, alpha: Int) {
        func mixed(_ old: UInt8, _ new: UInt8) -> UInt8 {
            UInt8(truncatingIfNeeded: (Int(old) &* (256 &- alpha) &+ Int(new) &* alpha &+ 128) >> 8)
        }
        pixels[start] = mixed(pixels[start], red)
        pixels[start + 1] = mixed(pixels[start + 1], green)
        pixels[start + 2] = mixed(pixels[start + 2], blue)
    }

    /// Black or white, whichever is read more easily on this colour.
    var legible: Colour {
        let luma = 299 * Int(red) + 587 * Int(green) + 114 * Int(blue)
        return luma > 128_000 ? .black : .white
    }
}
