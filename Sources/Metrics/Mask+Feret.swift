import Imaging

extension Mask {
    /// The largest Feret diameter as scikit-image computes it; 0 when no pixel is inside.
    ///
    /// The convex hull of the middles of all pixel sides is filled with pixels again, and of those
    /// pixels' side middles the two farthest are taken: up to about a pixel more than the mask's own.
    func maximumFeret() -> Double {
        let hull = Lattice.hull(sides(of: rowEnds()))
        let corners = Lattice.hull(sides(of: Lattice.filled(hull)))
        var largest = 0
        for (index, a) in corners.enumerated() {
            for b in corners[index...] {
                largest = max(largest, (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y))
            }
        }
        return Double(largest).squareRoot() / 2
    }

    /// First and last pixel of each row that has any.
    private func rowEnds() -> [(row: Int, first: Int, last: Int)] {
        (0..<height).compactMap { y in
            let row = values[y * width..<(y + 1) * width]
            guard let first = row.firstIndex(of: 1), let last = row.lastIndex(of: 1) else {
                return nil
            }
            return (y, first - row.startIndex, last - row.startIndex)
        }
    }

    /// The middles of the four sides of the rows' first and last pixels.
    private func sides(of rows: [(row: Int, first: Int, last: Int)]) -> [Lattice.Point] {
        rows.flatMap { row, first, last in
            [first, last].flatMap { column -> [Lattice.Point] in
                let (x, y) = (2 * column, 2 * row)
                return [.init(x - 1, y), .init(x + 1, y), .init(x, y - 1), .init(x, y + 1)]
            }
        }
    }
}

/// Points at whole and half pixels: coordinates are doubled, so that nothing is rounded.
private enum Lattice {
    struct Point {
        let x: Int
        let y: Int

        init(_ x: Int, _ y: Int) {
            self.x = x
            self.y = y
        }
    }

    /// Corners of the convex hull in turn (Andrew's monotone chain).
    static func hull(_ points: [Point]) -> [Point] {
        let sorted = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
        return chain(sorted).dropLast() + chain(sorted.reversed()).dropLast()
    }

    private static func chain(_ points: [Point]) -> [Point] {
        var chain: [Point] = []
        for point in points {
            while chain.count > 1, turn(chain[chain.count - 2], chain[chain.count - 1], point) <= 0
            {
                chain.removeLast()
            }
            chain.append(point)
        }
        return chain
    }

    private static func turn(_ a: Point, _ b: Point, _ c: Point) -> Int {
        (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
    }

    /// First and last pixel of each row whose centre is in the hull or on its border.
    static func filled(_ hull: [Point]) -> [(row: Int, first: Int, last: Int)] {
        guard let top = hull.map(\.y).min(), let bottom = hull.map(\.y).max() else { return [] }
        return (top >> 1...bottom >> 1).compactMap { row in
            let y = 2 * row
            var (first, last) = (Int.max, Int.min)
            for (index, a) in hull.enumerated() {
                let b = hull[(index + 1) % hull.count]
                guard min(a.y, b.y) <= y, y <= max(a.y, b.y) else { continue }
                if a.y == b.y {
                    first = min(first, (min(a.x, b.x) + 1) >> 1)
                    last = max(last, max(a.x, b.x) >> 1)
                } else {
                    // x at height y is a.x + above / below, in doubled coordinates.
                    let (low, high) = a.y < b.y ? (a, b) : (b, a)
                    let below = high.y - low.y
                    let x = low.x * below + (high.x - low.x) * (y - low.y)
                    first = min(first, (x + 2 * below - 1).flooredQuotient(2 * below))
                    last = max(last, x.flooredQuotient(2 * below))
                }
            }
            return first <= last ? (row, first, last) : nil
        }
    }
}

extension Int {
    /// Division that rounds down also below zero; the divisor is positive.
    fileprivate func flooredQuotient(_ divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
