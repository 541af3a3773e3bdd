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
