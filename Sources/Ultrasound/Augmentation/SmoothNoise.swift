import Foundation
import Imaging

extension SampleRandom {
    /// About a normal number of mean 0 and deviation 1: the sum of four even ones, at most 3.46.
    mutating func roughlyNormal() -> Float {
        let bits = next()
        let sum = bits & 0xFFFF + bits >> 16 & 0xFFFF + bits >> 32 & 0xFFFF + bits >> 48
        return (Float(sum) / 65536 - 2) * 1.732_050_8
    }
}

/// Random numbers over a picture that change slowly: a coarse grid of independent ones, joined by
/// a uniform cubic B-spline.
struct SmoothNoise {
    /// `values[y * width + x]`.
    let values: [Float]

    /// - Parameters:
    ///   - size: of the picture.
    ///   - cells: cells of the grid along each side; less is smoother.
    ///   - random: what the grid is drawn from.
    init(_ size: Size, cells: Int, using random: inout SampleRandom) {
        let side = cells + 3
        let grid = (0..<side * side).map { _ in random.roughlyNormal() }
        let columns = Self.weights(size.width, cells: cells)
        let rows = Self.weights(size.height, cells: cells)
        values = [Float](unsafeUninitializedCapacity: size.area) { target, count in
            var line = [Float](repeating: 0, count: side)
            for (y, row) in rows.enumerated() {
                for x in 0..<side {
                    line[x] = (0..<4).reduce(0) {
                        $0 + row.taps[$1] * grid[(row.start + $1) * side + x]
                    }
                }
                line.withUnsafeBufferPointer { line in
                    for (x, column) in columns.enumerated() {
                        let (start, taps) = (column.start, column.taps)
                        target[y * size.width + x] =
                            taps[0] * line[start] + taps[1] * line[start + 1]
                            + taps[2] * line[start + 2] + taps[3] * line[start + 3]
                    }
                }
            }
            count = size.area
        }
    }

    private static func weights(
        _ extent: Int, cells: Int
    ) -> [(start: Int, taps: SIMD4<Float>)] {
        (0..<extent).map { position in
            let place = (Float(position) + 0.5) / Float(extent) * Float(cells)
            let start = min(Int(place), cells - 1)
            let t = place - Float(start)
            let u = 1 - t
            let taps = SIMD4(
                u * u * u, 3 * t * t * t - 6 * t * t + 4, 3 * u * u * u - 6 * u * u + 4, t * t * t)
            return (start, taps / 6)
        }
    }
}
