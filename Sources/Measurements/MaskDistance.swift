import Imaging

/// Distances between the facing boundaries of two objects in mm: the thickness of what lies between
/// them, for example of the intima and media, or of a muscle between its aponeuroses.
///
/// Two boundary points face each other when each is the nearest point of the other boundary, up to
/// the step of a pixel. Their distance is along the normal where boundaries are smooth. Points at the
/// edge of the image, where an object is cut, do not count.
public struct MaskDistance: Equatable, Sendable {
    /// Number of facing points of the first boundary.
    public let points: Int
    /// Smallest distance in mm; 0 where the objects touch or overlap.
    public let minimum: Double
    /// Mean of the facing points in mm.
    public let mean: Double
    /// Median of the facing points in mm.
    public let median: Double
    /// Standard deviation of the facing points in mm.
    public let standardDeviation: Double
    /// Largest distance of facing points in mm.
    public let maximum: Double
    /// Change in mm when both boundaries move by half a pixel.
    public let uncertainty: Double

    /// Measures two masks; nil where one is empty.
    ///
    /// - Parameters:
    ///   - first: an object.
    ///   - second: another object in an image of the same size.
    ///   - spacing: size of a pixel in mm.
    public init?(from first: Mask, to second: Mask, spacing: PixelSpacing) {
        precondition(first.size == second.size, "both masks must have the same size")
        let here = Self.boundary(of: first, spacing)
        let there = Self.boundary(of: second, spacing)
        guard !here.isEmpty, !there.isEmpty else { return nil }
        let overlap = zip(first.values, second.values).contains { $0 != 0 && $1 != 0 }
        let (hereSorted, thereSorted) = (NearestPoints(here), NearestPoints(there))
        var distances: [Double] = []
        for point in here {
            let (target, distance) = thereSorted.nearest(to: point)
            let back = hereSorted.nearest(to: target).point
            let (dx, dy) = ((back.x - point.x) / spacing.x, (back.y - point.y) / spacing.y)
            // Middles of neighbouring edges of a corner are 0.71 pixels apart.
            if dx * dx + dy * dy <= 0.36 { distances.append(distance) }
        }
        distances.sort()
        guard let smallest = distances.first, let largest = distances.last else { return nil }
        let count = Double(distances.count)
        let average = distances.reduce(0, +) / count
        var squares = 0.0
        for distance in distances {
            squares += (distance - average) * (distance - average)
        }
        points = distances.count
        minimum = overlap ? 0 : smallest
        mean = average
        let middle = distances.count / 2
        median = (distances[middle] + distances[(distances.count - 1) / 2]) / 2
        standardDeviation = (squares / count).squareRoot()
        maximum = largest
        uncertainty = (spacing.x * spacing.y).squareRoot()
    }

    /// Middles of the pixel edges around a mask in mm, except at the edge of the image.
    private static func boundary(of mask: Mask, _ spacing: PixelSpacing) -> [Point] {
        let (width, height) = (Double(mask.width), Double(mask.height))
        var points: [Point] = []
        for contour in mask.contours() {
            for place in contour.edgeMiddles() {
                let isInside = place.x > 0 && place.y > 0 && place.x < width && place.y < height
                if isInside { points.append(Point(x: place.x * spacing.x, y: place.y * spacing.y)) }
            }
        }
        return points
    }
}

/// Points in an order that finds the nearest one quickly.
private struct NearestPoints {
    private let points: [Point]

    /// - Parameter points: at least one.
    init(_ points: [Point]) {
        self.points = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    }

    /// The nearest point and its distance.
    func nearest(to point: Point) -> (point: Point, distance: Double) {
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if points[middle].x < point.x { low = middle + 1 } else { high = middle }
        }
        var best = (points[min(low, points.count - 1)], Double.infinity)
        // Away from the point's column in both directions, as far as a column can hold a nearer one.
        func tryPoint(_ candidate: Point) -> Bool {
            let (dx, dy) = (candidate.x - point.x, candidate.y - point.y)
            guard dx * dx < best.1 else { return false }
            let square = dx * dx + dy * dy
            if square < best.1 { best = (candidate, square) }
            return true
        }
        var index = low
        while index < points.count, tryPoint(points[index]) { index += 1 }
        index = low - 1
        while index >= 0, tryPoint(points[index]) { index -= 1 }
        return (best.0, best.1.squareRoot())
    }
}
