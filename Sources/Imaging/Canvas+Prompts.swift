extension Canvas {
    /// Draws a click: a disc with a plus (on the target) or a minus (off it) in it.
    ///
    /// - Parameters:
    ///   - point: where, in pixels of the picture before it was enlarged.
    ///   - isPositive: green with a plus, else red with a minus.
    ///   - unit: width of a thin line, in pixels.
    ///   - enlargement: pixels of the canvas per pixel of the picture.
    mutating func click(_ point: PixelPoint, isPositive: Bool, unit: Int, enlargement: Int) {
        guard let x = corner(point.x, enlargement, width),
            let y = corner(point.y, enlargement, height)
        else { return }
        let radius = Double(5 * unit)
        disc(x: x, y: y, radius: radius + 1.5 * Double(unit), .black)
        disc(x: x, y: y, radius: radius + Double(unit), .white)
        disc(x: x, y: y, radius: radius, isPositive ? .positiveClick : .negativeClick)
        let (left, top) = (Int(x - Double(unit) / 2), Int(y - Double(unit) / 2))
        let arm = 2 * unit
        fill(
            PixelBox(x0: left - arm, y0: top, x1: left + unit + arm, y1: top + unit), .white)
        if isPositive {
            fill(
                PixelBox(x0: left, y0: top - arm, x1: left + unit, y1: top + unit + arm), .white)
        }
    }

    /// Draws a box prompt: dashes with a light halo, which no mask's edge has.
    ///
    /// - Parameters:
    ///   - rectangle: in pixels of the picture before it was enlarged; cut off at the edges.
    ///   - colour: the dashes' colour.
    ///   - unit: width of a thin line, in pixels.
    ///   - enlargement: pixels of the canvas per pixel of the picture.
    mutating func box(_ rectangle: PixelRectangle, _ colour: Colour, unit: Int, enlargement: Int) {
        guard let ax = corner(rectangle.x0, enlargement, width),
            let ay = corner(rectangle.y0, enlargement, height),
            let bx = corner(rectangle.x1, enlargement, width),
            let by = corner(rectangle.y1, enlargement, height)
        else { return }
        let (x0, x1) = (Int(min(ax, bx)), Int(max(ax, bx)))
        let (y0, y1) = (Int(min(ay, by)), Int(max(ay, by)))
        let sides = [
            PixelBox(x0: x0, y0: y0, x1: x1, y1: y0), PixelBox(x0: x0, y0: y1, x1: x1, y1: y1),
            PixelBox(x0: x0, y0: y0, x1: x0, y1: y1), PixelBox(x0: x1, y0: y0, x1: x1, y1: y1),
        ]
        for side in sides {
            let isHorizontal = side.height == 0
            let (start, end) = isHorizontal ? (side.x0, side.x1) : (side.y0, side.y1)
            for dash in stride(from: start, through: end, by: 10 * unit) {
                let stop = min(dash + 6 * unit, end)
                let piece =
                    isHorizontal
                    ? PixelBox(x0: dash, y0: side.y0, x1: stop, y1: side.y1)
                    : PixelBox(x0: side.x0, y0: dash, x1: side.x1, y1: stop)
                fill(piece.thickened(unit, around: (unit + 1) / 2), .white, alpha: 190)
                fill(piece.thickened(unit, around: 0), colour)
            }
        }
    }

    /// Writes an object's name on a plate of its colour, above its box where there is room.
    ///
    /// - Parameters:
    ///   - text: the name; only its first 24 characters are written.
    ///   - box: what it belongs to, in pixels of the canvas.
    ///   - colour: the plate's colour.
    ///   - unit: pixels a dot.
    mutating func label(_ text: String, at box: PixelBox, _ colour: Colour, unit: Int) {
        let text = String(text.prefix(24))
        let plateWidth = (text.count * TinyFont.advance + 3) * unit
        let plateHeight = (TinyFont.height + 4) * unit
        let x = max(min(box.x0, width - plateWidth), 0)
        let above = box.y0 - plateHeight - 2 * unit
        let y = above >= 0 ? above : min(box.y0 + 3 * unit, max(height - plateHeight, 0))
        fill(PixelBox(x0: x, y0: y, x1: x + plateWidth, y1: y + plateHeight), colour, alpha: 230)
        self.text(text, x: x + 2 * unit, y: y + 2 * unit, scale: unit, colour.legible)
    }

    /// From a pixel's centre coordinates to the canvas's corner coordinates; nil for no number.
    private func corner(_ value: Double, _ enlargement: Int, _ extent: Int) -> Double? {
        guard value.isFinite else { return nil }
        let place = (value + 0.5) * Double(enlargement)
        // Far outside is as good as just outside, and fits in an integer.
        return min(max(place, -1), Double(extent + 1))
    }
}

extension PixelBox {
    fileprivate func thickened(_ unit: Int, around: Int) -> PixelBox {
        let before = unit / 2 + around
        let after = unit - unit / 2 + around
        return PixelBox(x0: x0 - before, y0: y0 - before, x1: x1 + after, y1: y1 + after)
    }
}
