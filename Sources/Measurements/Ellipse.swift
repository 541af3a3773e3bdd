import Foundation

/// An ellipse in mm.
public struct Ellipse: Equatable, Sendable {
    /// Its centre, in mm from the top left corner of the image.
    public let center: Point
    /// Longer semi-axis in mm.
    public let semiMajorAxis: Double
    /// Shorter semi-axis in mm.
    public let semiMinorAxis: Double
    /// Angle of the longer axis against the horizontal in radians, -π/2 to π/2, positive downwards.
    public let angle: Double

    /// Circumference in mm by Ramanujan's second approximation,
    /// `π (a + b) (1 + 3h / (10 + √(4 - 3h)))` with `h = ((a - b) / (a + b))²`.
    ///
    /// This is the head circumference when the ellipse is fitted to a fetal head.
    public var circumference: Double {
        let sum = semiMajorAxis + semiMinorAxis
        let ratio = (semiMajorAxis - semiMinorAxis) / sum
        let h = ratio * ratio
        return .pi * sum * (1 + 3 * h / (10 + (4 - 3 * h).squareRoot()))
    }

    /// Area in mm².
    public var area: Double { .pi * semiMajorAxis * semiMinorAxis }

    /// - Parameters:
    ///   - center: in mm.
    ///   - semiMajorAxis: longer semi-axis in mm.
    ///   - semiMinorAxis: shorter semi-axis in mm.
    ///   - angle: of the longer axis against the horizontal in radians.
    public init(center: Point, semiMajorAxis: Double, semiMinorAxis: Double, angle: Double) {
        self.center = center
        self.semiMajorAxis = semiMajorAxis
        self.semiMinorAxis = semiMinorAxis
        self.angle = angle
    }

    /// Fits an ellipse by least squares of the algebraic distance, in the numerically stable form of
    /// Halíř and Flusser (WSCG 1998); nil where the points determine no ellipse.
    ///
    /// - Parameter points: of the boundary in mm, at least 6.
    public init?(fitting points: [Point]) {
        guard points.count >= 6 else { return nil }
        let count = Double(points.count)
        let middle = Point(
            x: points.reduce(0) { $0 + $1.x } / count, y: points.reduce(0) { $0 + $1.y } / count)
        let scale = points.reduce(0) { max($0, abs($1.x - middle.x), abs($1.y - middle.y)) }
        guard scale > 0, scale.isFinite else { return nil }

        // Moments of the quadratic part D1 = (x², xy, y²) and the linear part D2 = (x, y, 1).
        var (s1, s2, s3) = (Matrix3(), Matrix3(), Matrix3())
        for point in points {
            let (x, y) = ((point.x - middle.x) / scale, (point.y - middle.y) / scale)
            let (quadratic, linear) = ([x * x, x * y, y * y], [x, y, 1])
            s1.addOuterProduct(quadratic, quadratic)
            s2.addOuterProduct(quadratic, linear)
            s3.addOuterProduct(linear, linear)
        }
        guard let inverse = s3.inverse else { return nil }
        let t = (inverse * s2.transposed) * -1
        let m = s1 + s2 * t
        // The constraint 4ac - b² = 1 turns the fit into an eigenvalue problem of this matrix.
        let reduced = Matrix3([
            m.row(2).map { $0 / 2 }, m.row(1).map { -$0 }, m.row(0).map { $0 / 2 },
        ])
        let solutions = reduced.realEigenvectors.filter { 4 * $0[0] * $0[2] - $0[1] * $0[1] > 0 }
        guard let quadratic = solutions.first else { return nil }
        self.init(
            conic: quadratic + t.times(quadratic), middle: middle, scale: scale)
    }

    /// The ellipse `a x² + b xy + c y² + d x + e y + f = 0` in scaled coordinates.
    private init?(conic: [Double], middle: Point, scale: Double) {
        let (a, b, c, d, e, f) = (conic[0], conic[1], conic[2], conic[3], conic[4], conic[5])
        let determinant = 4 * a * c - b * b
        let (x, y) = ((b * e - 2 * c * d) / determinant, (b * d - 2 * a * e) / determinant)
        let value = -(a * x * x + b * x * y + c * y * y + d * x + e * y + f)
        let root = ((a - c) * (a - c) + b * b).squareRoot()
        let squares = [(a + c - root) / 2, (a + c + root) / 2].map { value / $0 }
        guard let major = squares.max(), let minor = squares.min(), minor > 0, major.isFinite
        else { return nil }
        // Where value and coefficients are negative the longer axis belongs to the other root.
        let sign = a + c < 0 ? -1.0 : 1.0
        let angle = 0.5 * atan2(-sign * b, sign * (c - a))
        self.init(
            center: Point(x: middle.x + scale * x, y: middle.y + scale * y),
            semiMajorAxis: scale * major.squareRoot(), semiMinorAxis: scale * minor.squareRoot(),
            angle: angle)
    }
}

/// A matrix of 3 rows and 3 columns.
private struct Matrix3 {
    private var rows: [[Double]]

    init(_ rows: [[Double]] = .init(repeating: .init(repeating: 0, count: 3), count: 3)) {
        self.rows = rows
    }

    func row(_ index: Int) -> [Double] { rows[index] }

    mutating func addOuterProduct(_ left: [Double], _ right: [Double]) {
        for i in 0..<3 {
            for j in 0..<3 { rows[i][j] += left[i] * right[j] }
        }
    }

    var transposed: Matrix3 {
        Matrix3((0..<3).map { j in (0..<3).map { rows[$0][j] } })
    }

    func times(_ vector: [Double]) -> [Double] {
        rows.map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
    }

    static func * (left: Matrix3, right: Matrix3) -> Matrix3 {
        let columns = right.transposed.rows.map { left.times($0) }
        return Matrix3(columns).transposed
    }

    static func * (left: Matrix3, right: Double) -> Matrix3 {
        Matrix3(left.rows.map { $0.map { $0 * right } })
    }

    static func + (left: Matrix3, right: Matrix3) -> Matrix3 {
        Matrix3(zip(left.rows, right.rows).map { zip($0, $1).map { $0 + $1 } })
    }

    var determinant: Double {
        let cofactors = Self.cross(rows[1], rows[2])
        return zip(rows[0], cofactors).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// The inverse; nil where the determinant is zero.
    var inverse: Matrix3? {
        let determinant = determinant
        guard determinant != 0, determinant.isFinite else { return nil }
        let columns = [
            Self.cross(rows[1], rows[2]), Self.cross(rows[2], rows[0]),
            Self.cross(rows[0], rows[1]),
        ]
        return Matrix3(columns).transposed * (1 / determinant)
    }

    /// One eigenvector for each real eigenvalue.
    var realEigenvectors: [[Double]] {
        realEigenvalues.compactMap { value in
            var shifted = rows
            for i in 0..<3 { shifted[i][i] -= value }
            // The eigenvector is perpendicular to all rows; the longest cross product is the safest.
            let products = [(0, 1), (0, 2), (1, 2)].map { Self.cross(shifted[$0], shifted[$1]) }
            let longest = products.max { Self.length($0) < Self.length($1) }
            guard let longest, Self.length(longest) > 0 else { return nil }
            return longest.map { $0 / Self.length(longest) }
        }
    }

    /// Roots of the characteristic polynomial `λ³ - trace λ² + minors λ - determinant`.
    private var realEigenvalues: [Double] {
        let trace = rows[0][0] + rows[1][1] + rows[2][2]
        let minors =
            rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0] + rows[0][0] * rows[2][2]
            - rows[0][2] * rows[2][0] + rows[1][1] * rows[2][2] - rows[1][2] * rows[2][1]
        let shift = trace / 3
        // With λ = t + shift the polynomial is t³ + p t + q.
        let p = minors - trace * trace / 3
        let q = -2 * shift * shift * shift + minors * shift - determinant
        let discriminant = q * q / 4 + p * p * p / 27
        guard discriminant < 0 else {
            let root = discriminant.squareRoot()
            return [cbrt(-q / 2 + root) + cbrt(-q / 2 - root) + shift]
        }
        let radius = 2 * (-p / 3).squareRoot()
        let angle = acos(max(-1, min(1, 3 * q / (p * radius)))) / 3
        return (0..<3).map { radius * cos(angle - 2 * .pi * Double($0) / 3) + shift }
    }

    private static func cross(_ a: [Double], _ b: [Double]) -> [Double] {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }

    private static func length(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}
