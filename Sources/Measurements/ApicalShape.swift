import Imaging

/// How the long axis and the disks of a ventricle are found.
public enum DiskConvention: String, CaseIterable, Sendable {
    /// Twenty disks, each measured at its middle (Lang et al., J Am Soc Echocardiogr 2015;28:1-39).
    case disks
    /// As the notebook of the CAMUS challenge (Leclerc et al., IEEE TMI 2019): each disk is measured
    /// at its edge towards the base, and all volumes of a patient have the height of the longest axis.
    case camus
}

/// Long axis and disk diameters of a left ventricle in an apical view, in mm.
///
/// Points are in mm from the top left corner of the image.
public struct ApicalShape: Equatable, Sendable {
    /// A straight line between two points.
    public struct Segment: Equatable, Sendable {
        /// One end.
        public let start: Point
        /// The other end.
        public let end: Point

        /// Length in mm.
        public var length: Double {
            let (dx, dy) = (end.x - start.x, end.y - start.y)
            return (dx * dx + dy * dy).squareRoot()
        }

        /// The point halfway.
        var middle: Point { Point(x: (start.x + end.x) / 2, y: (start.y + end.y) / 2) }
    }

    /// Number of disks.
    public static let diskCount = 20

    /// The mitral plane.
    public let base: Segment
    /// The long axis, from the mitral plane to the apex.
    public let axis: Segment
    /// The diameters, ``diskCount`` of them, from base to apex.
    public let disks: [Segment]
    /// Area of the mask in mm².
    public let area: Double
    /// Whether the mitral plane is the boundary shared with the atrium, not a straight part of the
    /// outline.
    public let isBaseShared: Bool

    /// Length of the long axis in mm.
    public var length: Double { axis.length }

    /// Volume in ml by the method of disks in one plane: `π/4 Σ d² L/20`.
    public var volume: Double { Self.volume(self, self) }

    /// Volume in ml by area and length in one plane: `8 A² / (3 π L)`.
    public var areaLengthVolume: Double { 8 * area * area / (3 * .pi * length) / 1000 }

    /// Volume in ml by the method of disks in two perpendicular planes, `π/4 Σ a b L/20`, where L is
    /// the longer axis.
    ///
    /// - Parameters:
    ///   - first: the ventricle in one plane.
    ///   - second: the ventricle in the other plane.
    ///   - length: the height of all disks together in mm; nil for the longer axis.
    ///   - margin: added to each diameter and to the length in mm, for the interval of half a pixel.
    /// - Returns: the volume in ml.
    public static func volume(
        _ first: ApicalShape, _ second: ApicalShape, length: Double? = nil, margin: Double = 0
    ) -> Double {
        let products = zip(first.disks, second.disks).reduce(0.0) { sum, pair in
            sum + max(pair.0.length + margin, 0) * max(pair.1.length + margin, 0)
        }
        let height = (length ?? max(first.length, second.length)) + margin
        // mm³ to ml.
        return .pi / 4 * products * height / Double(diskCount) / 1000
    }
}

/// Why a mask has no long axis.
public enum ApicalShapeError: Error, Equatable, Sendable {
    /// No pixel is inside.
    case empty
    /// No stretch of the outline is straight and level enough to be the mitral plane.
    case noBase
    /// As ``noBase``, and the atrium, which would show it, is more than two pixels from the ventricle.
    case atriumApart
}

extension ApicalShapeError: CustomStringConvertible {
    /// The end of the sentence "no long axis: …".
    public var description: String {
        switch self {
        case .empty: "the mask is empty"
        case .noBase:
            "the outline has no straight, roughly level part that could be the mitral plane"
        case .atriumApart:
            "ventricle and atrium are more than two pixels apart, so that they show no mitral plane, "
                + "and the ventricle's outline has no straight, roughly level part that could be one"
        }
    }
}

extension ApicalShape {
    /// Finds mitral plane, apex and disks of a ventricle by ``DiskConvention/disks``.
    ///
    /// The mitral plane is the line between the ends of the boundary that ventricle and atrium share.
    /// Without an atrium that touches the ventricle it is the longest straight part of the outline
    /// that is inclined by at most 45°. The apex is the boundary point farthest from the middle of
    /// the mitral plane. The largest part of the mask counts.
    ///
    /// - Parameters:
    ///   - ventricle: the cavity.
    ///   - atrium: the left atrium, of the same size; nil if it is not known.
    ///   - spacing: size of a pixel in mm.
    /// - Throws: ``ApicalShapeError``.
    public init(
        ventricle: Mask, atrium: Mask? = nil, spacing: PixelSpacing
    ) throws(ApicalShapeError) {
        let mask = ventricle.largestComponent().filled()
        let outline = Outline(mask, spacing: spacing)
        guard !outline.points.isEmpty else { throw .empty }
        let shared = atrium.flatMap { outline.ends(facing: $0, spacing: spacing) }
        let isApart = shared == nil && atrium?.isEmpty == false
        let noBase = isApart ? ApicalShapeError.atriumApart : .noBase
        guard let base = shared ?? outline.straightBase() else { throw noBase }
        let middle = base.middle
        let apex = outline.farthest(from: middle)
        let axis = Segment(start: middle, end: apex)
        guard axis.length > 0 else { throw noBase }
        let area = Double(mask.area) * spacing.x * spacing.y
        // A ventricle is longer than wide; a base along its side would give disks of nonsense.
        guard base.length > 0.2 * axis.length else { throw noBase }
        self.base = base
        self.axis = axis
        self.area = area
        isBaseShared = shared != nil
        disks = (0..<Self.diskCount).map { index in
            outline.chord(across: axis, at: (Double(index) + 0.5) / Double(Self.diskCount))
        }
    }
}

/// The outer boundary of a mask in mm: the middles of its pixel edges, in order.
struct Outline {
    let points: [Point]
    /// The pixel on the other side of each edge.
    private let outside: [(x: Int, y: Int)]

    /// Takes the longest outer contour.
    init(_ mask: Mask, spacing: PixelSpacing) {
        let contour = mask.contours().filter { !$0.isHole }.max { $0.signedArea < $1.signedArea }
        let middles = contour?.edgeMiddles() ?? []
        points = middles.map { Point(x: $0.x * spacing.x, y: $0.y * spacing.y) }
        outside = middles.map { place in
            let isVertical = place.x == place.x.rounded()
            let (x, y) = (Int(place.x.rounded(.down)), Int(place.y.rounded(.down)))
            let isInside =
                x >= 0 && y >= 0 && x < mask.width && y < mask.height
                && mask.values[y * mask.width + x] != 0
            guard isInside else { return (x, y) }
            return isVertical ? (x - 1, y) : (x, y - 1)
        }
    }

    /// The two farthest boundary points beside another mask; nil where they do not touch, or only in
    /// a corner.
    ///
    /// A gap of up to two pixels between the masks counts as touching.
    func ends(facing other: Mask, spacing: PixelSpacing) -> ApicalShape.Segment? {
        var facing: [Point] = []
        for (point, place) in zip(points, outside) {
            let isNear = (-2...2).contains { dy in
                (-2...2).contains { dx in
                    let (x, y) = (place.x + dx, place.y + dy)
                    return x >= 0 && y >= 0 && x < other.width && y < other.height
                        && other.values[y * other.width + x] != 0
                }
            }
            if isNear { facing.append(point) }
        }
        guard facing.count >= 8 else { return nil }
        let corners = ConvexHull(of: facing).corners
        var ends: ApicalShape.Segment?
        for (index, a) in corners.enumerated() {
            for b in corners[index...] {
                let line = ApicalShape.Segment(start: a, end: b)
                if line.length > ends?.length ?? 0 { ends = line }
            }
        }
        guard let ends else { return nil }
        return ends.start.x <= ends.end.x
            ? ends : ApicalShape.Segment(start: ends.end, end: ends.start)
    }

    /// The longest straight and roughly level part of the outline; nil where there is none.
    ///
    /// The chord of the part is inclined by at most 45°, and no point between its ends is farther
    /// from it than 2 mm, or a hundredth of the outline's length where that is less. A line is then
    /// fitted to the middle of the part, and the base ends where the outline leaves this line.
    func straightBase() -> ApicalShape.Segment? {
        let places = resampled(count: 240)
        let count = places.count
        guard count >= 16 else { return nil }
        let tolerance = min(2, perimeter / 100)
        var best: (start: Int, steps: Int, length: Double)?
        for start in 0..<count {
            for steps in 2..<count / 2 {
                let (a, b) = (places[start], places[(start + steps) % count])
                let (dx, dy) = (abs(b.x - a.x), abs(b.y - a.y))
                let length = (dx * dx + dy * dy).squareRoot()
                guard dy <= dx, length > best?.length ?? 0 else { continue }
                let isStraight = (1..<steps).allSatisfy {
                    Self.distance(places[(start + $0) % count], a, b) <= tolerance
                }
                if isStraight { best = (start, steps, length) }
            }
        }
        guard let best, best.steps >= 6 else { return nil }
        let inner = (best.steps / 6...best.steps - best.steps / 6).map {
            places[(best.start + $0) % count]
        }
        return level(fittedTo: inner, within: tolerance)
            ?? ApicalShape.Segment(
                start: places[best.start], end: places[(best.start + best.steps) % count])
    }

    /// The part of a fitted line between the outermost points of the outline that are close to it.
    private func level(
        fittedTo inner: [Point], within tolerance: Double
    ) -> ApicalShape.Segment? {
        let count = Double(inner.count)
        let (mx, my) = (
            inner.reduce(0) { $0 + $1.x } / count, inner.reduce(0) { $0 + $1.y } / count
        )
        var (sxx, sxy) = (0.0, 0.0)
        for point in inner {
            sxx += (point.x - mx) * (point.x - mx)
            sxy += (point.x - mx) * (point.y - my)
        }
        guard sxx > 0 else { return nil }
        let slope = sxy / sxx
        let norm = (1 + slope * slope).squareRoot()
        var (left, right) = (Double.infinity, -Double.infinity)
        for point in points {
            let across = abs(point.y - my - slope * (point.x - mx)) / norm
            // The corners of a pixel outline are half a step from the line itself.
            guard across <= tolerance / 2 else { continue }
            let along = ((point.x - mx) + slope * (point.y - my)) / norm
            left = min(left, along)
            right = max(right, along)
        }
        guard left < right else { return nil }
        func place(_ along: Double) -> Point {
            Point(x: mx + along / norm, y: my + along * slope / norm)
        }
        return ApicalShape.Segment(start: place(left), end: place(right))
    }

    /// The boundary point farthest from a point.
    func farthest(from origin: Point) -> Point {
        func square(_ point: Point) -> Double {
            let (dx, dy) = (point.x - origin.x, point.y - origin.y)
            return dx * dx + dy * dy
        }
        return points.max { square($0) < square($1) } ?? origin
    }

    /// The widest part of the outline on the line perpendicular to an axis.
    ///
    /// - Parameters:
    ///   - axis: from base to apex.
    ///   - fraction: 0 at the base, 1 at the apex.
    /// - Returns: the line between both sides.
    func chord(across axis: ApicalShape.Segment, at fraction: Double) -> ApicalShape.Segment {
        let (dx, dy) = (axis.end.x - axis.start.x, axis.end.y - axis.start.y)
        let length = max(axis.length, .leastNormalMagnitude)
        let direction = Point(x: dx / length, y: dy / length)
        let origin = Point(x: axis.start.x + fraction * dx, y: axis.start.y + fraction * dy)
        var (low, high) = (0.0, 0.0)
        for (index, a) in points.enumerated() {
            let b = points[(index + 1) % points.count]
            let heightA = (a.x - origin.x) * direction.x + (a.y - origin.y) * direction.y
            let heightB = (b.x - origin.x) * direction.x + (b.y - origin.y) * direction.y
            guard (heightA <= 0) != (heightB <= 0) else { continue }
            let share = heightA / (heightA - heightB)
            let (x, y) = (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))
            let across = -(x - origin.x) * direction.y + (y - origin.y) * direction.x
            low = min(low, across)
            high = max(high, across)
        }
        func place(_ across: Double) -> Point {
            Point(x: origin.x - across * direction.y, y: origin.y + across * direction.x)
        }
        return ApicalShape.Segment(start: place(low), end: place(high))
    }

    /// Length of the outline in mm, smoothed over its pixel steps.
    private var perimeter: Double {
        let places = resampled(count: 60)
        return places.indices.reduce(0.0) { sum, index in
            sum
                + ApicalShape.Segment(
                    start: places[index], end: places[(index + 1) % places.count]
                ).length
        }
    }

    /// Points at equal numbers of edges along the outline, each the mean of its neighbours, which
    /// smooths the pixel steps.
    private func resampled(count: Int) -> [Point] {
        guard points.count > count else { return points }
        return (0..<count).map { index in
            let place = index * points.count / count
            let near = (-1...1).map { points[(place + $0 + points.count) % points.count] }
            return Point(
                x: near.reduce(0) { $0 + $1.x } / 3, y: near.reduce(0) { $0 + $1.y } / 3)
        }
    }

    static func distance(_ point: Point, _ a: Point, _ b: Point) -> Double {
        let (dx, dy) = (b.x - a.x, b.y - a.y)
        let length = (dx * dx + dy * dy).squareRoot()
        guard length > 0 else { return 0 }
        return abs(dx * (point.y - a.y) - dy * (point.x - a.x)) / length
    }
}
