/// A point or a direction in the plane, in mm or in pixels as its user says.
public struct Point: Equatable, Sendable {
    /// Distance to the right.
    public var x: Double
    /// Distance downwards.
    public var y: Double

    /// - Parameters:
    ///   - x: distance to the right.
    ///   - y: distance downwards.
    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// The smallest convex polygon around some points.
struct ConvexHull {
    /// Corners in order, without a repeated last one.
    let corners: [Point]

    /// Finds the hull with Andrew's monotone chain.
    init(of points: [Point]) {
        let sorted = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
        corners = Self.chain(sorted).dropLast() + Self.chain(sorted.reversed()).dropLast()
    }

    private static func chain(_ points: [Point]) -> [Point] {
        var chain: [Point] = []
        for point in points {
            while chain.count > 1,
                turn(chain[chain.count - 2], chain[chain.count - 1], point) <= 0
            {
                chain.removeLast()
            }
            chain.append(point)
        }
        return chain
    }

    private static func turn(_ a: Point, _ b: Point, _ c: Point) -> Double {
        (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
    }

    /// Area by the shoelace formula.
    var area: Double {
        var sum = 0.0
        for (index, a) in corners.enumerated() {
            let b = corners[(index + 1) % corners.count]
            sum += a.x * b.y - b.x * a.y
        }
        return abs(sum) / 2
    }

    /// Largest distance of two corners, and the unit vector from one to the other.
    var diameter: (length: Double, direction: Point) {
        var largest = 0.0
        var direction = Point(x: 1, y: 0)
        for (index, a) in corners.enumerated() {
            for b in corners[index...] {
                let (dx, dy) = (b.x - a.x, b.y - a.y)
                let length = (dx * dx + dy * dy).squareRoot()
                if length > largest {
                    largest = length
                    direction = Point(x: dx / length, y: dy / length)
                }
            }
        }
        return (largest, direction)
    }

    /// Length of the hull's projection on a line.
    ///
    /// - Parameter direction: of the line, a unit vector.
    /// - Returns: the length.
    func extent(along direction: Point) -> Double {
        let places = corners.map { $0.x * direction.x + $0.y * direction.y }
        return (places.max() ?? 0) - (places.min() ?? 0)
    }
}
