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
/// picture is outside.
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
