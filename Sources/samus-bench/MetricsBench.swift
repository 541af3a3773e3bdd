import FileIO
import Foundation
import Imaging
import MaskMetrics

/// Metrics of mask pairs for Tools/parity/test_metrics.py, and their time for `bench.py metrics`.
enum MetricsBench {
    /// An entry of `pairs.json`; the masks are `NAME-prediction.png` and `NAME-reference.png` in the
    /// same folder.
    private struct Pair: Decodable {
        let name: String
        /// Height and width of a pixel.
        let spacing: [Double]
        let tolerance: Double
    }

    private struct Scored: Encodable {
        let name: String
        let scores: MaskScores
        let authors: AuthorsScores
        let shape: MaskShape?
    }

    /// Scores the pairs of a folder.
    ///
    /// - Parameter folder: with `pairs.json` and the masks.
    /// - Returns: a JSON list with one entry for each pair.
    /// - Throws: `ImageError`, `DecodingError` or `MetricsError`.
    static func score(_ folder: String) throws -> String {
        let folder = URL(filePath: folder)
        let list = try Data(contentsOf: folder.appending(path: "pairs.json"))
        let scored = try JSONDecoder().decode([Pair].self, from: list).map { pair in
            func mask(_ role: String) throws -> Mask {
                try Mask.read(folder.appending(path: "\(pair.name)-\(role).png").path)
            }
            let comparison = try MaskComparison(
                prediction: mask("prediction"), reference: mask("reference"),
                spacing: PixelSpacing(x: pair.spacing[1], y: pair.spacing[0]))
            return Scored(
                name: pair.name, scores: comparison.scores(tolerance: pair.tolerance),
                authors: comparison.authorsScores(), shape: comparison.reference.shape())
        }
        return String(decoding: try JSON.encode(scored), as: UTF8.self)
    }

    /// Times the Hausdorff distance, and all metrics, of masks of several kinds.
    ///
    /// - Parameter size: rows and columns.
    /// - Returns: a line for each kind: its name, and the median seconds of processor time of both.
    /// - Throws: `MetricsError`.
    static func time(_ size: Int) throws -> String {
        try kinds(size).map { name, prediction, reference in
            let comparison = try MaskComparison(prediction: prediction, reference: reference)
            let hausdorff = median { _ = comparison.hausdorff() }
            let scores = median { _ = comparison.scores() }
            return "\(name)\t\(hausdorff)\t\(scores)"
        }.joined(separator: "\n")
    }

    private static func median(_ body: () -> Void) -> Double {
        let times = (0..<31).map { _ in
            let start = clock()
            body()
            return Double(clock() - start) / Double(CLOCKS_PER_SEC)
        }
        return times.sorted()[times.count / 2]
    }

    private static func kinds(_ size: Int) -> [(String, Mask, Mask)] {
        func mask(_ inside: (Double, Double) -> Bool) -> Mask {
            Mask(
                width: size, height: size,
                values: (0..<size * size).map { i in
                    inside(Double(i % size) / Double(size), Double(i / size) / Double(size)) ? 1 : 0
                })
        }
        func blob(_ x: Double, _ y: Double, _ radius: Double) -> Mask {
            mask { px, py in
                let (dx, dy) = (px - x, py - y)
                let wave = 1 + 0.1 * sin(7 * atan2(dy, dx))
                return (dx * dx + dy * dy).squareRoot() < radius * wave
            }
        }
        var state: UInt64 = 1
        func noise() -> Mask {
            mask { _, _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state >> 63 == 1
            }
        }
        return [
            ("two lesions", blob(0.5, 0.5, 0.25), blob(0.53, 0.48, 0.22)),
            ("full mask, a speck in a corner", mask { _, _ in true }, mask { max($0, $1) < 0.01 }),
            ("noise on both sides", noise(), noise()),
            ("noise, a speck in a corner", noise(), mask { max($0, $1) < 0.01 }),
        ]
    }
}
