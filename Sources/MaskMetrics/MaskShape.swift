import Foundation
import Imaging

/// The shape of a mask in pixels, as in scikit-image's `regionprops`.
///
/// All components of the mask are one region.
public struct MaskShape: Hashable, Codable, Sendable {
    /// Number of foreground pixels.
    public var area: Int
    /// Mean column of the pixels.
    public var centroidX: Double
    /// Mean row of the pixels.
    public var centroidY: Double
    /// Length of the major axis of the ellipse with the same second moments.
    public var majorAxis: Double
    /// Length of the minor axis of the ellipse with the same second moments.
    public var minorAxis: Double
    /// Angle from the downward direction to the major axis, -π/2...π/2.
    public var orientation: Double
    /// Length of the contour, including holes, by Crofton's formula with four directions.
    public var perimeter: Double
    /// Largest distance between two points on the contour of the convex hull.
    public var maximumFeret: Double
}

extension Mask {
    /// Measures the mask's shape.
    ///
    /// - Returns: the shape, with lengths in pixels; nil if the mask is empty.
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
    /// Perimeter by Crofton's formula: the weighted number of transitions into the mask along four
    /// directions.
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
    /// The largest Feret diameter as computed by scikit-image; 0 if the mask is empty.
    ///
    /// The convex hull of the midpoints of all pixel sides is rasterized. The diameter is the largest
    /// distance between midpoints of the sides of its pixels, up to about one pixel more than the
    /// diameter of the mask itself.
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

    /// The first and last foreground pixel of each row that has any.
    private func rowEnds() -> [(row: Int, first: Int, last: Int)] {
        (0..<height).compactMap { y in
            let row = values[y * width..<(y + 1) * width]
            guard let first = row.firstIndex(of: 1), let last = row.lastIndex(of: 1) else {
                return nil
            }
            return (y, first - row.startIndex, last - row.startIndex)
        }
    }

    /// The midpoints of the four sides of each row's first and last pixel.
    private func sides(of rows: [(row: Int, first: Int, last: Int)]) -> [Lattice.Point] {
        rows.flatMap { row, first, last in
            [first, last].flatMap { column -> [Lattice.Point] in
                let (x, y) = (2 * column, 2 * row)
                return [.init(x - 1, y), .init(x + 1, y), .init(x, y - 1), .init(x, y + 1)]
            }
        }
    }
}

/// Points at whole and half pixels; coordinates are doubled, so that they are integers.
private enum Lattice {
    struct Point {
        let x: Int
        let y: Int

        init(_ x: Int, _ y: Int) {
            self.x = x
            self.y = y
        }
    }

    /// The corners of the convex hull in order (Andrew's monotone chain).
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

    /// The first and last pixel of each row whose centres are in the hull or on its border.
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
                    // The x of the side at height y, as a fraction with denominator `below`.
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
    /// The quotient rounded down, also for negative numbers; the divisor is positive.
    fileprivate func flooredQuotient(_ divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Mask {
    /// Mean column and row of the foreground; nil if the mask is empty.
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
