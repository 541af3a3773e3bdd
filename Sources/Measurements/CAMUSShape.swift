import Imaging

extension ApicalShape {
    /// Finds mitral plane, apex and disks of a ventricle by ``DiskConvention/camus``.
    ///
    /// The mask is resampled to square pixels of the smaller side. The mitral plane is the longest
    /// stretch of the outline whose chord is inclined by at most 45° and from which no point is
    /// farther than 8 pixels. The axis starts at the outline point halfway along the stretch. Each
    /// diameter is found by steps of half a pixel to both sides, from 8 pixels on.
    ///
    /// - Parameters:
    ///   - camusVentricle: the cavity; its largest part counts.
    ///   - spacing: size of a pixel in mm.
    /// - Throws: ``ApicalShapeError``.
    public init(camusVentricle: Mask, spacing: PixelSpacing) throws(ApicalShapeError) {
        let pixel = min(spacing.x, spacing.y)
        let ventricle = camusVentricle.largestComponent()
        let size = Size(
            height: Int((Double(ventricle.height) * (spacing.y / pixel)).rounded(.toNearestOrEven)),
            width: Int((Double(ventricle.width) * (spacing.x / pixel)).rounded(.toNearestOrEven)))
        let mask = size == ventricle.size ? ventricle : ventricle.resizedNearest(to: size)
        guard let contour = mask.contours().first(where: { !$0.isHole }) else { throw .empty }
        // In pixel centres, the coordinates of the notebook.
        var outline = contour.edgeMiddles().map { Point(x: $0.x - 0.5, y: $0.y - 0.5) }
        // The notebook's outline (scikit-image) begins at the right end of the lowest row, and no
        // stretch of it goes beyond the beginning.
        let first = outline.indices.max { a, b in
            (outline[a].y, outline[a].x) < (outline[b].y, outline[b].x)
        }
        outline = Array(outline[(first ?? 0)...] + outline[..<(first ?? 0)])
        outline += outline.prefix(1)
        guard let stretch = Self.longestStretch(of: outline) else { throw .noBase }
        // Half a step is rounded to the even number, as NumPy and Python do.
        let half = (Double(stretch.end - stretch.start) / 2).rounded(.toNearestOrEven)
        let middle = outline[stretch.start + Int(half)]
        var apex = middle
        var longest = 0.0
        for point in outline {
            let (dx, dy) = (point.x - middle.x, point.y - middle.y)
            let length = (dx * dx + dy * dy).squareRoot()
            if length > longest { (apex, longest) = (point, length) }
        }
        guard longest > 0 else { throw .noBase }
        func inMm(_ point: Point) -> Point {
            Point(x: (point.x + 0.5) * pixel, y: (point.y + 0.5) * pixel)
        }
        let (dx, dy) = (apex.x - middle.x, apex.y - middle.y)
        let normal = Point(x: -dy / longest, y: dx / longest)
        let disks = (0..<Self.diskCount).map { index in
            let fraction = Double(index) / Double(Self.diskCount)
            let place = Point(x: middle.x + fraction * dx, y: middle.y + fraction * dy)
            let back = Point(x: -normal.x, y: -normal.y)
            let one = Self.distanceToEdge(of: mask, from: place, along: normal)
            let other = Self.distanceToEdge(of: mask, from: place, along: back)
            return Segment(
                start: inMm(Point(x: place.x - other * normal.x, y: place.y - other * normal.y)),
                end: inMm(Point(x: place.x + one * normal.x, y: place.y + one * normal.y)))
        }
        self.init(
            base: Segment(start: inMm(outline[stretch.start]), end: inMm(outline[stretch.end])),
            axis: Segment(start: inMm(middle), end: inMm(apex)), disks: disks,
            area: Double(camusVentricle.area) * spacing.x * spacing.y, isBaseShared: false)
    }

    private static func longestStretch(of outline: [Point]) -> (start: Int, end: Int)? {
        var best: (start: Int, end: Int, square: Double)?
        for end in outline.indices.dropFirst(2) {
            for start in 0..<end {
                let (a, b) = (outline[start], outline[end])
                let (dx, dy) = (b.x - a.x, b.y - a.y)
                let square = dx * dx + dy * dy
                // On a screen the outline runs clockwise, so that its lower part goes to the left.
                guard dx < 0, abs(dy) <= -dx, square > best?.square ?? 0 else { continue }
                // Most stretches bend most in their middle.
                let middle = outline[(start + end) / 2]
                guard Outline.distance(middle, a, b) <= 8,
                    outline[(start + 1)..<max(end, start + 1)].allSatisfy({
                        Outline.distance($0, a, b) <= 8
                    })
                else { continue }
                best = (start, end, square)
            }
        }
        return best.map { ($0.start, $0.end) }
    }

    /// The notebook begins 8 pixels away from the axis, so that the base does not end the first disks.
    private static func distanceToEdge(
        of mask: Mask, from place: Point, along direction: Point
    ) -> Double {
        var distance = 8.0
        while true {
            let x = (place.x + distance * direction.x).rounded(.toNearestOrEven)
            let y = (place.y + distance * direction.y).rounded(.toNearestOrEven)
            guard x >= 0, y >= 0, x < Double(mask.width), y < Double(mask.height),
                mask.values[Int(y) * mask.width + Int(x)] != 0
            else { return distance }
            distance += 0.5
        }
    }
}
