import FileIO
import Imaging
import Testing

@testable import MaskMetrics

@Suite("Metrics of mask pairs obey their definitions")
struct MaskPropertyTests {
    @Test("a mask compared with itself has fractions of 1 and distances of 0")
    func identity() throws {
        let mask = Mask.disc(width: 60, height: 40, x: 20, y: 15, radius: 12)
        let scores = try MaskComparison(prediction: mask, reference: mask).scores()
        for metric in MaskMetric.allCases {
            #expect(scores[metric] == (metric.unit == .share ? 1 : 0), "\(metric.rawValue)")
        }
    }

    @Test("a mask moved by n pixels has a Hausdorff distance of n", arguments: [1, 7, 30])
    func shift(pixels: Int) throws {
        let mask = Mask.disc(width: 100, height: 100, x: 30, y: 30, radius: 20)
        let right = Mask.disc(width: 100, height: 100, x: 30 + pixels, y: 30, radius: 20)
        let down = Mask.disc(width: 100, height: 100, x: 30, y: 30 + pixels, radius: 20)
        let spacing = PixelSpacing(x: 0.5, y: 0.25)
        let n = Double(pixels)
        #expect(try MaskComparison(prediction: right, reference: mask).hausdorff() == n)
        let moved = try MaskComparison(prediction: down, reference: mask, spacing: spacing)
        #expect(moved.hausdorff() == n * 0.25)
        #expect(abs(moved.scores().centroidDistance - n * 0.25) < 1e-12)
        // The authors' "HD" ignores the position of rows.
        #expect(moved.scores().samusHD == 0)
    }

    @Test("symmetric metrics do not change if the masks are exchanged")
    func symmetry() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<20 {
            let one = Mask.random(&random)
            let other = Mask.random(&random)
            let there = try MaskComparison(prediction: one, reference: other).scores()
            let back = try MaskComparison(prediction: other, reference: one).scores()
            for metric in [MaskMetric.dice, .iou, .hd, .hd95, .hd95Length, .assd, .surfaceDice] {
                #expect(abs(there[metric] - back[metric]) < 1e-12, "\(metric.rawValue)")
            }
            #expect(there.precision == back.recall)
            #expect(there.areaError == -back.areaError)
        }
    }

    @Test("distances equal those of a brute-force search over all pairs", arguments: [0.5, 1, 3])
    func allPairs(rowHeight: Double) throws {
        var random = SplitMix64(seed: 9)
        let spacing = PixelSpacing(x: 0.7, y: rowHeight)
        for _ in 0..<20 {
            let a = MarkedGrid.random(&random)
            let b = MarkedGrid.random(&random)
            let found = a.distances(to: b, spacing: spacing)
            for (point, distance) in zip(a.points, found) {
                let nearest = b.points.map { other in
                    let dx = Double(point % a.width - other % a.width) * spacing.x
                    let dy = Double(point / a.width - other / a.width) * spacing.y
                    return (dx * dx + dy * dy).squareRoot()
                }.min()
                #expect(abs(distance - (nearest ?? .nan)) < 1e-12)
            }
        }
    }

    @Test("empty masks give the documented values")
    func empty() throws {
        let nothing = Mask(width: 30, height: 40, values: [UInt8](repeating: 0, count: 1200))
        let disc = Mask.disc(width: 30, height: 40, x: 10, y: 10, radius: 5)
        let lengths = MaskMetric.allCases.filter { $0.unit == .length }
        let overlaps: [MaskMetric] = [.dice, .iou, .precision, .recall, .surfaceDice]

        let both = try MaskComparison(prediction: nothing, reference: nothing).scores()
        #expect(both.emptiness == .bothEmpty)
        for metric in lengths { #expect(both[metric] == 0) }
        for metric in overlaps { #expect(both[metric] == 1) }

        let found = try MaskComparison(prediction: disc, reference: nothing)
        #expect(found.emptiness == .referenceEmpty)
        #expect(found.scores().relativeAreaError == nil)
        let missed = try MaskComparison(prediction: nothing, reference: disc)
        #expect(missed.emptiness == .predictionEmpty)
        for comparison in [found, missed] {
            #expect(comparison.hausdorff() == 50)
            #expect(comparison.surfaceDice(tolerance: 2) == 0)
            let scores = comparison.scores()
            for metric in lengths { #expect(scores[metric] == 50, "\(metric.rawValue)") }
            for metric in overlaps { #expect(scores[metric] == 0, "\(metric.rawValue)") }
        }
    }

    @Test("masks of different sizes are refused")
    func sizes() {
        let small = Mask(width: 2, height: 3, values: [1, 1, 1, 1, 1, 1])
        let large = Mask(width: 3, height: 2, values: [1, 1, 1, 1, 1, 1])
        let refusal = MetricsError.sizesDiffer(prediction: small.size, reference: large.size)
        #expect(throws: refusal) { try MaskComparison(prediction: small, reference: large) }
        #expect(refusal.description.contains("2x3"))
    }
}

extension Mask {
    fileprivate static func disc(width: Int, height: Int, x: Int, y: Int, radius: Int) -> Mask {
        Mask(
            width: width, height: height,
            values: (0..<width * height).map { i in
                let (dx, dy) = (i % width - x, i / width - y)
                return dx * dx + dy * dy <= radius * radius ? 1 : 0
            })
    }

    fileprivate static func random(_ random: inout SplitMix64) -> Mask {
        Mask.disc(
            width: 40, height: 30, x: random.next(below: 40), y: random.next(below: 30),
            radius: random.next(below: 12))
    }
}

extension MarkedGrid {
    fileprivate static func random(_ random: inout SplitMix64) -> MarkedGrid {
        let rarity = 1 + random.next(below: 40)
        var marks = (0..<17 * 23).map { _ in UInt8(random.next(below: rarity) == 0 ? 1 : 0) }
        marks[random.next(below: marks.count)] = 1
        return MarkedGrid(width: 17, height: 23, marks: marks)
    }
}
