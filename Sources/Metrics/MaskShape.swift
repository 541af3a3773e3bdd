import Foundation
import Imaging

/// Shape of one mask in pixels, as in scikit-image's `regionprops`.
///
/// All components together count as one region.
public struct MaskShape: Hashable, Codable, Sendable {
    /// Pixels inside.
    public var area: Int
    /// Mean column of the pixels.
    public var centroidX: Double
    /// Mean row of the pixels.
    public var centroidY: Double
    /// Long axis of the ellipse with the same second moments.
    public var majorAxis: Double
    /// Short axis of the ellipse with the same second moments.
    public var minorAxis: Double
    /// Angle from the rows' direction (down) to the long axis, -π/2...π/2.
    public var orientation: Double
    /// Length of the contour by Crofton's formula, four directions; holes count.
    public var perimeter: Double
    /// Largest distance of two points on the contour of the convex hull.
    public var maximumFeret: Double

}

extension Mask {
    /// Measures the mask's shape.
    ///
    /// - Returns: lengths in pixels; nil when no pixel is inside.
    public func shape() -> MaskShape? {
        guard let centroid, let pair = PaddedPair(self, self) else { return nil }
        let moments = secondMoments(around: centroid)
        let half = (moments.xx + moments.yy) / 2
        let difference = (moments.xx - moments.yy) / 2
        let root = (difference * difference + moments.xy * moments.xy).squareRoot()
        let orientation =
            if moments.xx == moments.yy {
                moments.xy > 0 ? Double.pi / 4 : -Double.pi / 4
            } else {
                0.5 * atan2(2 * moments.xy, moments.yy - moments.xx)
            }
        return MaskShape(
            area: area, centroidX: centroid.x, centroidY: centroid.y,
            majorAxis: 4 * (half + root).squareRoot(),
            minorAxis: 4 * max(half - root, 0).squareRoot(), orientation: orientation,
            perimeter: pair.predictionPerimeter, maximumFeret: maximumFeret())
    }

    /// Variances of the pixels' columns and rows, and their covariance.
    private func secondMoments(
        around centroid: (x: Double, y: Double)
    ) -> (xx: Double, xy: Double, yy: Double) {
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        values.withUnsafeBufferPointer { values in
            for y in 0..<height {
                let dy = Double(y) - centroid.y
                for x in 0..<width where values[y * width + x] != 0 {
                    let dx = Double(x) - centroid.x
                    xx += dx * dx
                    xy += dx * dy
                    yy += dy * dy
                }
            }
        }
        let count = Double(area)
        return (xx / count, xy / count, yy / count)
    }
}

extension PaddedPair {
    /// Perimeter by Crofton's formula: weighted counts of entries along four directions.
    fileprivate var predictionPerimeter: Double {
        var (right, down, falling, rising) = (0, 0, 0, 0)
        prediction.withUnsafeBufferPointer { mask in
            for y in 0..<height - 1 {
                for x in 0..<width - 1 {
                    let i = y * width + x
                    let (a, b) = (mask[i], mask[i + 1])
                    let (c, d) = (mask[i + width], mask[i + width + 1])
                    right += Int((a ^ 1) & b)
                    down += Int((a ^ 1) & c)
                    falling += Int((a ^ 1) & d)
                    rising += Int((b ^ 1) & c)
                }
            }
        }
        return .pi / 4 * (Double(right + down) + Double(falling + rising) / 2.0.squareRoot())
    }
}

extension Mask {
    /// The largest Feret diameter as scikit-image computes it; 0 when no pixel is inside.
    ///
    /// The convex hull of the middles of all pixel sides is rasterized, and the two farthest
    /// side middles of its pixels give the diameter: up to about a pixel more than the mask's own.
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

    /// First and last pixel of each row that is not empty.
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

extension Mask {
    /// Mean column and row of the pixels inside; nil when there are none.
    var centroid: (x: Double, y: Double)? {
        let (area, sumX, sumY) = values.withUnsafeBufferPointer { values in
            var (area, sumX, sumY) = (0, 0, 0)
            for y in 0..<height {
                var row = 0
                for x in 0..<width {
                    let inside = Int(values[y * width + x])
                    row &+= inside
                    sumX &+= inside &* x
                }
                area += row
                sumY += row * y
            }
            return (area, sumX, sumY)
        }
        guard area > 0 else { return nil }
        return (Double(sumX) / Double(area), Double(sumY) / Double(area))
    }
}
