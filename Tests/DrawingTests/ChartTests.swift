import Testing

@testable import Drawing
@testable import Imaging

@Suite("Charts draw lines, points, axes and ticks")
struct ChartTests {
    private func colours(_ image: Image) -> [[UInt8]: Int] {
        stride(from: 0, to: image.pixels.count, by: 3).reduce(into: [:]) { counts, i in
            counts[Array(image.pixels[i..<i + 3]), default: 0] += 1
        }
    }

    private let blue: [UInt8] = [0, 114, 178]
    private let vermilion: [UInt8] = [213, 94, 0]

    @Test("each series has its own colour, also at the ends of the vertical axis")
    func lines() {
        let chart = Chart(
            title: "Loss", xLabel: "step", yLabel: "y",
            series: [
                Chart.Series("a", (0..<50).map { Chart.Point(Double($0), 1) }),
                Chart.Series("b", (0..<50).map { Chart.Point(Double($0), 2) }, style: .scatter),
            ])
        let drawn = chart.draw(size: Size(height: 300, width: 500))
        #expect(drawn.width == 500 && drawn.height > 300)
        let counts = colours(drawn)
        #expect(counts[blue, default: 0] > 400)
        #expect(counts[vermilion, default: 0] > 400)
    }

    @Test("a line along the horizontal axis is visible")
    func bottom() {
        let zero = Chart.Series("", (0..<9).map { Chart.Point(Double($0), 0) })
        let drawn = Chart(title: "", series: [zero], yRange: 0...1).draw()
        #expect(colours(drawn)[blue, default: 0] > 200)
    }

    @Test(
        "values that are not finite, or not positive on a logarithmic axis, do not prevent drawing")
    func gaps() {
        let points = [(0, 1), (1, Double.nan), (2, 1), (3, .infinity), (4, -1), (5, 1)]
            .map { Chart.Point(Double($0.0), $0.1) }
        for scale in [Chart.Scale.linear, .logarithmic] {
            let chart = Chart(title: "", series: [Chart.Series("", points)], yScale: scale)
            #expect(colours(chart.draw())[blue, default: 0] > 0)
        }
    }

    @Test("no points, one point, equal points and extreme values are drawn without a trap")
    func extremes() {
        let cases: [[Chart.Point]] = [
            [], [Chart.Point(3, 4)], [Chart.Point(1, 0), Chart.Point(2, 0)],
            [Chart.Point(-1e308, -1.7e308), Chart.Point(1e308, 1.7e308)],
            [Chart.Point(0, 1e-307), Chart.Point(1, .leastNonzeroMagnitude)],
            [Chart.Point(1e15, 1e15), Chart.Point(1e15 + 1, 1e15 + 1)],
            [Chart.Point(.nan, .nan)],
        ]
        for points in cases {
            for style in [Chart.Style.line, .dottedLine, .scatter] {
                for scale in [Chart.Scale.linear, .logarithmic] {
                    let series = Chart.Series(
                        String(repeating: "long ", count: 40), points, style: style)
                    let chart = Chart(
                        title: String(repeating: "t", count: 200), series: [series], yScale: scale)
                    #expect(chart.draw(size: Size(height: 200, width: 200)).width == 200)
                    let square = Chart(title: "", series: [series], comparesEqualAxes: true)
                    #expect(square.draw(size: Size(height: 200, width: 200)).width == 200)
                }
            }
        }
    }

    @Test("charts of a sheet are arranged in rows")
    func sheet() {
        let chart = Chart(title: "t", series: [])
        let size = Size(height: 200, width: 300)
        let sheet = Chart.sheet([chart, chart, chart], columns: 2, panel: size)
        #expect(sheet.width == 600 && sheet.height > 400)
    }

    /// The ticks that Matplotlib's `MaxNLocator(steps=[1, 2, 5, 10])` would choose.
    @Test(
        "ticks are at round numbers, and their labels are distinct",
        arguments: [
            (0.0...1.0, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.83...0.91, 4, ["0.84", "0.86", "0.88", "0.90"]),
            (0...5000, 5, ["0", "1000", "2000", "3000", "4000", "5000"]),
            (0...0.0005, 5, ["0", "1e-4", "2e-4", "3e-4", "4e-4", "5e-4"]),
            (-1...1, 4, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
            (0...4_000_000, 4, ["0", "1e6", "2e6", "3e6", "4e6"]),
            (0.00095...0.00105, 2, ["9.5e-4", "1.00e-3", "1.05e-3"]),
        ] as [(ClosedRange<Double>, Int, [String])])
    func ticks(range: ClosedRange<Double>, wanted: Int, labels: [String]) {
        #expect(ChartAxis(range).ticks(wanted).map(\.text) == labels)
    }

    @Test(
        "a logarithmic axis has ticks at powers of ten, and also at 2 and 5 times these if it is short"
    )
    func decades() {
        let long = ChartAxis(0.01...1000, scale: .logarithmic)
        #expect(long.ticks(6).map(\.text) == ["0.01", "0.1", "1", "10", "100", "1000"])
        let short = ChartAxis(0.9...6, scale: .logarithmic)
        #expect(short.ticks(6).map(\.text) == ["1", "2", "5"])
        #expect(abs(long.fraction(1) - 0.4) < 1e-12)
    }
}
