import Foundation
import Imaging

/// A turn, a scale and a shift: `x' = a x - b y + tx`, `y' = b x + a y + ty`, in pixels.
struct Similarity: Equatable, Sendable {
    var a = 1.0
    var b = 0.0
    var tx = 0.0
    var ty = 0.0

    static let identity = Similarity()

    func callAsFunction(_ point: PixelPoint) -> PixelPoint {
        PixelPoint(x: a * point.x - b * point.y + tx, y: b * point.x + a * point.y + ty)
    }

    /// This transform after another one.
    func after(_ first: Similarity) -> Similarity {
        let shift = self(PixelPoint(x: first.tx, y: first.ty))
        return Similarity(
            a: a * first.a - b * first.b, b: b * first.a + a * first.b, tx: shift.x, ty: shift.y)
    }

    /// The transform back; nil where this one shrinks everything to a point.
    var inverse: Similarity? {
        let square = a * a + b * b
        guard square > 1e-9 else { return nil }
        var back = Similarity(a: a / square, b: -b / square)
        let shift = back(PixelPoint(x: tx, y: ty))
        (back.tx, back.ty) = (-shift.x, -shift.y)
        return back
    }
}

/// A frame with few pixels and little noise, for estimating motion.
struct CoarseFrame: Sendable {
    /// Pixels of the frame for each pixel here.
    let factor: Int
    let width: Int
    let height: Int
    private let values: [Float]

    /// - Parameters:
    ///   - frame: a grey image.
    ///   - factor: side of the blocks of pixels that become one.
    init(_ frame: Image, factor: Int) {
        let small = frame.reduced(by: factor)
        self.factor = min(factor, frame.width, frame.height)
        (width, height) = (small.width, small.height)
        values = Self.blurred(small)
    }

    /// A binomial filter of 3 x 3 pixels against speckle.
    private static func blurred(_ image: Image) -> [Float] {
        let (width, height) = (image.width, image.height)
        return [Float](unsafeUninitializedCapacity: width * height) { target, initialized in
            image.pixels.withUnsafeBufferPointer { source in
                for y in 0..<height {
                    let rows = (max(y - 1, 0) * width, y * width, min(y + 1, height - 1) * width)
                    for x in 0..<width {
                        let columns = (max(x - 1, 0), x, min(x + 1, width - 1))
                        func row(_ start: Int) -> Int {
                            Int(source[start + columns.0]) + 2 * Int(source[start + columns.1])
                                + Int(source[start + columns.2])
                        }
                        let sum = row(rows.0) + 2 * row(rows.1) + row(rows.2)
                        target[y * width + x] = Float(sum) / 16
                    }
                }
            }
            initialized = width * height
        }
    }

    /// Whether a point, in pixels of this frame, is inside.
    func contains(_ x: Double, _ y: Double) -> Bool {
        x >= 0 && y >= 0 && x <= Double(width - 1) && y <= Double(height - 1)
    }

    /// The bilinear value at a point in pixels of this frame; the nearest one outside.
    func value(_ x: Double, _ y: Double) -> Float {
        let x = min(max(x, 0), Double(width - 1))
        let y = min(max(y, 0), Double(height - 1))
        let (column, row) = (min(Int(x), max(width - 2, 0)), min(Int(y), max(height - 2, 0)))
        let (u, v) = (Float(x - Double(column)), Float(y - Double(row)))
        let place = row * width + column
        let (right, below) = (width > 1 ? 1 : 0, height > 1 ? width : 0)
        return values.withUnsafeBufferPointer { values in
            let upper = values[place] * (1 - u) + values[place + right] * u
            let lower = values[place + below] * (1 - u) + values[place + below + right] * u
            return upper * (1 - v) + lower * v
        }
    }

    /// A point of the frame in pixels here, and back.
    func inward(_ value: Double) -> Double { (value + 0.5) / Double(factor) - 0.5 }
    func outward(_ value: Double) -> Double { (value + 0.5) * Double(factor) - 0.5 }
}

/// The surroundings of an object in one frame, which are looked for in other frames.
struct MotionTemplate: Sendable {
    /// A motion and how well the images agree after it, -1 to 1.
    struct Estimate: Sendable {
        let motion: Similarity
        let correlation: Double
    }

    private let image: Image
    private let box: PixelRectangle
    private let factor: Int
    /// Half the width and height of the patch, and its centre, in pixels of the coarse frame.
    private let half: (x: Double, y: Double)
    private let centre: PixelPoint
    private let patch: [Sample]

    private struct Sample: Sendable {
        let x: Double
        let y: Double
        let value: Double
        /// Change of the value by scale, turn, and shift along x and y.
        let slopes: (Double, Double, Double, Double)
    }

    /// Samples along a side of the patch.
    private static let side = 40
    /// Pixels of the coarse frame along the object's longer side.
    private static let objectSide = 48.0
    /// Pixels along the longer side of the frame in a search over all of it.
    private static let searchSide = 56
    /// The lowest correlation of a place that a search finds.
    private static let lowestSearchCorrelation: Float = 0.6
    /// The share of the object that must be in the frame at a place of the search.
    private static let searchShare = 0.5
    /// From this correlation on, no other start is tried.
    private static let goodCorrelation = 0.85
    /// The lowest correlation at a place that is not near the expected one: in a whole frame something looks
    /// like the object by chance.
    static let lowestDistantCorrelation = 0.8

    /// - Parameters:
    ///   - image: a grey frame.
    ///   - box: around the object.
    init(_ image: Image, around box: PixelRectangle) {
        self.image = image
        self.box = box
        let longer = max(box.x1 - box.x0, box.y1 - box.y0)
        factor = max(1, Int((longer / Self.objectSide).rounded()))
        let coarse = CoarseFrame(image, factor: factor)
        let scale = Double(coarse.factor)
        let half = (
            x: max((box.x1 - box.x0) / scale / 2 * 1.15, 6),
            y: max((box.y1 - box.y0) / scale / 2 * 1.15, 6)
        )
        self.half = half
        let centre = PixelPoint(
            x: coarse.inward((box.x0 + box.x1) / 2), y: coarse.inward((box.y0 + box.y1) / 2))
        self.centre = centre
        var patch: [Sample] = []
        for row in 0..<Self.side {
            for column in 0..<Self.side {
                let x = (2 * Double(column) / Double(Self.side - 1) - 1) * half.x
                let y = (2 * Double(row) / Double(Self.side - 1) - 1) * half.y
                guard coarse.contains(centre.x + x, centre.y + y) else { continue }
                func value(_ dx: Double, _ dy: Double) -> Double {
                    Double(coarse.value(centre.x + x + dx, centre.y + y + dy))
                }
                let (gx, gy) = ((value(1, 0) - value(-1, 0)) / 2, (value(0, 1) - value(0, -1)) / 2)
                patch.append(
                    Sample(
                        x: x, y: y, value: value(0, 0),
                        slopes: (gx * x + gy * y, gy * x - gx * y, gx, gy)))
            }
        }
        self.patch = patch
    }

    /// Estimates how the object moved to another frame.
    ///
    /// Minimizes the difference of grey levels over shift, turn and scale by Gauss-Newton steps
    /// (inverse compositional alignment: Baker and Matthews, IJCV 56, 2004), with equal mean and
    /// contrast, and with less weight where the difference is large. Where that fails from every guess, the
    /// place of the best correlation in the whole frame is the start of another attempt.
    ///
    /// - Parameters:
    ///   - frame: another grey frame of the same size.
    ///   - guesses: motions to start from, the likeliest first; the next is tried where one fails.
    /// - Returns: the motion in pixels of the frames.
    func motion(to frame: Image, startingFrom guesses: [Similarity]) -> Estimate {
        let coarse = CoarseFrame(frame, factor: factor)
        var best = Estimate(motion: .identity, correlation: -1)
        for guess in guesses where best.correlation < Self.goodCorrelation {
            let estimate = aligned(to: coarse, startingFrom: guess)
            if estimate.correlation > best.correlation { best = estimate }
        }
        guard best.correlation < Self.goodCorrelation, let place = search(in: frame) else {
            return best
        }
        let found = aligned(to: coarse, startingFrom: place)
        let isBetter = found.correlation > best.correlation + 0.1
        return isBetter && found.correlation >= Self.lowestDistantCorrelation ? found : best
    }

    private func aligned(to frame: CoarseFrame, startingFrom guess: Similarity) -> Estimate {
        guard patch.count >= 16 else { return Estimate(motion: guess, correlation: 0) }
        // From pixels of the patch, whose centre is 0, to pixels of the coarse frame.
        let target = guess(
            PixelPoint(x: frame.outward(centre.x), y: frame.outward(centre.y)))
        var warp = Similarity(
            a: guess.a, b: guess.b, tx: frame.inward(target.x), ty: frame.inward(target.y))
        var correlation = -1.0
        for _ in 0..<12 {
            var equations = NormalEquations()
            correlation = compare(with: frame, warp, &equations)
            guard let step = equations.solution,
                let back = Similarity(a: 1 + step[0], b: step[1], tx: step[2], ty: step[3]).inverse
            else { break }
            let next = warp.after(back)
            guard (0.2...5).contains((next.a * next.a + next.b * next.b).squareRoot()) else {
                break
            }
            warp = next
            if abs(step[2]) + abs(step[3]) < 0.02, abs(step[0]) + abs(step[1]) < 0.001 { break }
        }
        var ignored = NormalEquations()
        correlation = compare(with: frame, warp, &ignored)
        // Back to pixels of the frame: x' = W (x - c) + shift.
        let from = PixelPoint(x: frame.outward(centre.x), y: frame.outward(centre.y))
        var motion = Similarity(a: warp.a, b: warp.b)
        let turned = motion(from)
        motion.tx = frame.outward(warp.tx) - turned.x
        motion.ty = frame.outward(warp.ty) - turned.y
        return Estimate(motion: motion, correlation: correlation)
    }

    /// - Returns: the correlation of the patch with the frame under a motion.
    private func compare(
        with frame: CoarseFrame, _ warp: Similarity, _ equations: inout NormalEquations
    ) -> Double {
        var values: [Double] = []
        values.reserveCapacity(patch.count)
        var (count, sum, square, ownSum, ownSquare) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for sample in patch {
            let place = warp(PixelPoint(x: sample.x, y: sample.y))
            guard frame.contains(place.x, place.y) else {
                values.append(.nan)
                continue
            }
            let value = Double(frame.value(place.x, place.y))
            values.append(value)
            count += 1
            sum += value
            square += value * value
            ownSum += sample.value
            ownSquare += sample.value * sample.value
        }
        guard count >= 16 else { return -1 }
        let (mean, own) = (sum / count, ownSum / count)
        let deviation = max(square / count - mean * mean, 0).squareRoot() + 1e-3
        let ownDeviation = max(ownSquare / count - own * own, 0).squareRoot() + 1e-3
        var product = 0.0
        for (sample, value) in zip(patch, values) where value.isFinite {
            let difference =
                (value - mean) * ownDeviation / deviation - (sample.value - own)
            product += (value - mean) * (sample.value - own)
            let outlier = difference / (0.5 * ownDeviation + 1)
            equations.add(sample.slopes, difference, weight: 1 / (1 + outlier * outlier))
        }
        return product / count / (deviation * ownDeviation)
    }

    /// The shift with the best correlation over the whole frame, coarsely; nil where none is good.
    ///
    /// A part of the object may be outside of the frame.
    private func search(in frame: Image) -> Similarity? {
        let factor = max(1, max(frame.width, frame.height) / Self.searchSide)
        let (own, other) = (CoarseFrame(image, factor: factor), CoarseFrame(frame, factor: factor))
        let x0 = max(Int(own.inward(box.x0)), 0)
        let y0 = max(Int(own.inward(box.y0)), 0)
        let x1 = min(max(Int(own.inward(box.x1).rounded(.up)), x0 + 3), own.width - 1)
        let y1 = min(max(Int(own.inward(box.y1).rounded(.up)), y0 + 3), own.height - 1)
        guard x1 - x0 >= 2, y1 - y0 >= 2 else { return nil }
        let (width, height) = (x1 - x0 + 1, y1 - y0 + 1)
        let template = (y0...y1).flatMap { y in
            (x0...x1).map { own.value(Double($0), Double(y)) }
        }
        let smallest = max(Int(Self.searchShare * Double(width * height)), 9)
        var best: (correlation: Float, dx: Int, dy: Int)?
        for top in 1 - height..<other.height {
            let rows = max(0, -top)..<min(height, other.height - top)
            for left in 1 - width..<other.width {
                let columns = max(0, -left)..<min(width, other.width - left)
                guard rows.count * columns.count >= smallest else { continue }
                var sums = CorrelationSums()
                for row in rows {
                    for column in columns {
                        sums.add(
                            template[row * width + column],
                            other.value(Double(left + column), Double(top + row)))
                    }
                }
                let correlation = sums.correlation
                if correlation > best?.correlation ?? Self.lowestSearchCorrelation {
                    best = (correlation, left - x0, top - y0)
                }
            }
        }
        return best.map {
            Similarity(tx: Double($0.dx * own.factor), ty: Double($0.dy * own.factor))
        }
    }
}

/// The correlation of pairs of grey levels.
private struct CorrelationSums {
    private var count: Float = 0
    private var sums: (Float, Float) = (0, 0)
    private var squares: (Float, Float) = (0, 0)
    private var product: Float = 0

    mutating func add(_ one: Float, _ two: Float) {
        count += 1
        sums.0 += one
        sums.1 += two
        squares.0 += one * one
        squares.1 += two * two
        product += one * two
    }

    /// -1 to 1; 0 where one side has no structure, which is everywhere: a deviation of less than two grey levels.
    var correlation: Float {
        let variances = (
            squares.0 / count - sums.0 * sums.0 / (count * count),
            squares.1 / count - sums.1 * sums.1 / (count * count)
        )
        guard variances.0 > 4, variances.1 > 4 else { return 0 }
        return (product / count - sums.0 * sums.1 / (count * count))
            / (variances.0 * variances.1).squareRoot()
    }
}

/// Least squares with four unknowns; the lower half of a symmetric matrix.
private struct NormalEquations {
    private var matrix = [Double](repeating: 0, count: 16)
    private var right = [Double](repeating: 0, count: 4)

    mutating func add(
        _ slopes: (Double, Double, Double, Double), _ difference: Double, weight: Double
    ) {
        let (s0, s1, s2, s3) = slopes
        matrix.withUnsafeMutableBufferPointer { matrix in
            matrix[0] += weight * s0 * s0
            matrix[4] += weight * s1 * s0
            matrix[5] += weight * s1 * s1
            matrix[8] += weight * s2 * s0
            matrix[9] += weight * s2 * s1
            matrix[10] += weight * s2 * s2
            matrix[12] += weight * s3 * s0
            matrix[13] += weight * s3 * s1
            matrix[14] += weight * s3 * s2
            matrix[15] += weight * s3 * s3
        }
        right[0] += weight * s0 * difference
        right[1] += weight * s1 * difference
        right[2] += weight * s2 * difference
        right[3] += weight * s3 * difference
    }

    /// The solution by Cholesky's method; nil where the equations do not determine it.
    var solution: [Double]? {
        var lower = matrix
        var unknowns = right
        for i in 0..<4 {
            lower[5 * i] += 1e-3 * matrix[5 * i] + 1e-6
            for j in 0...i {
                var sum = lower[4 * i + j]
                for k in 0..<j { sum -= lower[4 * i + k] * lower[4 * j + k] }
                if i == j {
                    guard sum > 0 else { return nil }
                    lower[5 * i] = sum.squareRoot()
                } else {
                    lower[4 * i + j] = sum / lower[5 * j]
                }
            }
        }
        for i in 0..<4 {
            for k in 0..<i { unknowns[i] -= lower[4 * i + k] * unknowns[k] }
            unknowns[i] /= lower[5 * i]
        }
        for i in (0..<4).reversed() {
            for k in i + 1..<4 { unknowns[i] -= lower[4 * k + i] * unknowns[k] }
            unknowns[i] /= lower[5 * i]
        }
        return unknowns.allSatisfy(\.isFinite) ? unknowns : nil
    }
}
