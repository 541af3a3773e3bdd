import Imaging

extension Mask {
    /// The largest outer contour with fewer corners.
    ///
    /// - Parameter tolerance: largest distance of a removed corner, as a fraction of the contour's
    ///   length (Douglas and Peucker's algorithm).
    /// - Returns: at least three corners (x, y) along pixel edges; empty for an empty mask.
    func outline(tolerance: Double) -> [[Double]] {
        let outer = contours().filter { !$0.isHole }
        guard let largest = outer.max(by: { $0.signedArea < $1.signedArea }) else { return [] }
        let corners = largest.corners.map { (x: Double($0.x), y: Double($0.y)) }
        var length = 0.0
        for (index, corner) in corners.enumerated() {
            let next = corners[(index + 1) % corners.count]
            length += abs(next.x - corner.x) + abs(next.y - corner.y)
        }
        // A closed contour is divided at the corner that is farthest from its first one.
        let distances = corners.map { corner in
            (corner.x - corners[0].x) * (corner.x - corners[0].x)
                + (corner.y - corners[0].y) * (corner.y - corners[0].y)
        }
        guard let far = distances.indices.max(by: { distances[$0] < distances[$1] }), far > 0 else {
            return corners.map { [$0.x, $0.y] }
        }
        let limit = tolerance * length
        let kept =
            simplified(corners[0...far], limit: limit).dropLast()
            + simplified(corners[far...] + [corners[0]], limit: limit).dropLast()
        return (kept.count < 3 ? corners : Array(kept)).map { [$0.x, $0.y] }
    }
}

/// The corners of an open line without those that are nearer than `limit` to the rest.
private func simplified(
    _ line: ArraySlice<(x: Double, y: Double)>, limit: Double
) -> [(x: Double, y: Double)] {
    let points = Array(line)
    var isKept = [Bool](repeating: false, count: points.count)
    (isKept[0], isKept[points.count - 1]) = (true, true)
    // Without recursion: a contour may have many thousand corners.
    var open = [(0, points.count - 1)]
    while let (first, last) = open.popLast() {
        guard last - first > 1 else { continue }
        let (dx, dy) = (points[last].x - points[first].x, points[last].y - points[first].y)
        let length = (dx * dx + dy * dy).squareRoot()
        var (farthest, distance) = (first, 0.0)
        for index in first + 1..<last {
            let (px, py) = (points[index].x - points[first].x, points[index].y - points[first].y)
            let away =
                length > 0
                ? abs(dx * py - dy * px) / length : (px * px + py * py).squareRoot()
            if away > distance { (farthest, distance) = (index, away) }
        }
        guard distance > limit else { continue }
        isKept[farthest] = true
        open += [(first, farthest), (farthest, last)]
    }
    return points.indices.filter { isKept[$0] }.map { points[$0] }
}
