import Imaging

/// A chart on a canvas: title, legend, axes and series.
struct ChartPanel {
    /// Pixels per dot of a letter.
    static let scale = 2

    private let chart: Chart
    private let box: PixelBox
    private let xAxis: ChartAxis
    private let yAxis: ChartAxis
    private let yTicks: [(value: Double, text: String)]
    private let legend: ChartLegend
    /// The area between the axes.
    private let plot: PixelBox

    init(_ chart: Chart, in box: PixelBox) {
        self.chart = chart
        self.box = box
        let points = chart.series.flatMap(\.points).filter { Self.isShown($0, chart) }
        let ys = points.map(\.y)
        if chart.comparesEqualAxes {
            let both = ChartAxis(around: points.map(\.x) + ys, atLeast: chart.yRange)
            xAxis = both
            yAxis = both
        } else {
            xAxis = ChartAxis(around: points.map(\.x), margin: 0.02)
            yAxis = ChartAxis(around: ys, scale: chart.yScale, atLeast: chart.yRange)
        }
        let scale = Self.scale
        let line = TinyFont.lineHeight * scale
        legend = ChartLegend(
            chart.series, width: box.width - 16 * scale, scale: scale)
        let hasYLabel = !chart.yLabel.isEmpty
        let top = box.y0 + 8 * scale + line + legend.height + (hasYLabel ? line : 0) + 4 * scale
        let bottom = box.y1 - 6 * scale - line - (chart.xLabel.isEmpty ? 0 : line)
        yTicks = yAxis.ticks(max((bottom - top) / (2 * line), 2))
        let widest = yTicks.map { Self.textWidth($0.text) }.max() ?? 0
        plot = PixelBox(
            x0: box.x0 + 8 * scale + widest + 4 * scale, y0: top,
            x1: box.x1 - 10 * scale, y1: max(bottom, top + 1))
    }

    private static func isShown(_ point: Chart.Point, _ chart: Chart) -> Bool {
        point.x.isFinite && point.y.isFinite && (chart.yScale == .linear || point.y > 0)
    }

    static func textWidth(_ text: String) -> Int {
        max(text.count * TinyFont.advance - 1, 0) * scale
    }

    func draw(on canvas: inout Canvas) {
        let scale = Self.scale
        let left = box.x0 + 8 * scale
        canvas.text(clipped(chart.title), x: left, y: box.y0 + 7 * scale, scale: scale, .ink)
        let legendTop = box.y0 + 8 * scale + TinyFont.lineHeight * scale
        legend.draw(on: &canvas, x: left, y: legendTop)
        if !chart.yLabel.isEmpty {
            canvas.text(
                clipped(chart.yLabel), x: left, y: legendTop + legend.height + scale,
                scale: scale, .paleInk)
        }
        drawAxes(on: &canvas)
        if chart.comparesEqualAxes {
            let corners = [xAxis.range.lowerBound, xAxis.range.upperBound]
            canvas.polyline(
                corners.map { place(Chart.Point($0, $0)) }, width: 2, .axis, in: plot)
        }
        for (index, series) in chart.series.enumerated() {
            draw(series, .chart(index), on: &canvas)
        }
    }

    private func clipped(_ text: String) -> String {
        String(text.prefix((box.width - 16 * Self.scale) / (TinyFont.advance * Self.scale)))
    }

    private func drawAxes(on canvas: inout Canvas) {
        let scale = Self.scale
        for tick in yTicks {
            let y = Int(place(Chart.Point(xAxis.range.lowerBound, tick.value)).y)
            canvas.fill(PixelBox(x0: plot.x0, y0: y, x1: plot.x1, y1: y + 1), .grid)
            canvas.text(
                tick.text, x: plot.x0 - 4 * scale - Self.textWidth(tick.text),
                y: y - TinyFont.height * scale / 2, scale: scale, .paleInk)
        }
        for tick in xTicks {
            let x = Int(place(Chart.Point(tick.value, yAxis.range.lowerBound)).x)
            canvas.fill(PixelBox(x0: x, y0: plot.y0, x1: x + 1, y1: plot.y1), .grid)
            let width = Self.textWidth(tick.text)
            canvas.text(
                tick.text, x: min(max(x - width / 2, box.x0), box.x1 - width - scale),
                y: plot.y1 + 4 * scale, scale: scale, .paleInk)
        }
        canvas.fill(
            PixelBox(x0: plot.x0, y0: plot.y1, x1: plot.x1, y1: plot.y1 + scale), .axis)
        canvas.fill(
            PixelBox(x0: plot.x0 - scale, y0: plot.y0, x1: plot.x0, y1: plot.y1 + scale), .axis)
        let label = clipped(chart.xLabel)
        let middle = (plot.x0 + plot.x1 - Self.textWidth(label)) / 2
        canvas.text(
            label, x: max(middle, box.x0), y: plot.y1 + 4 * scale + TinyFont.lineHeight * scale,
            scale: scale, .paleInk)
    }

    /// As many ticks as have space for their labels.
    private var xTicks: [(value: Double, text: String)] {
        var wanted = 8
        var ticks = xAxis.ticks(wanted)
        while wanted > 2, needed(ticks) > plot.width {
            wanted -= 1
            ticks = xAxis.ticks(wanted)
        }
        return ticks
    }

    private func needed(_ ticks: [(value: Double, text: String)]) -> Int {
        let widest = ticks.map { Self.textWidth($0.text) }.max() ?? 0
        return ticks.count * (widest + 8 * Self.scale)
    }

    private func draw(_ series: Chart.Series, _ colour: Colour, on canvas: inout Canvas) {
        let runs = series.points.split { !Self.isShown($0, chart) }.map { $0.map(place) }
        let radius = series.style == .scatter ? 4.0 : 3.5
        for run in runs {
            if series.style != .scatter {
                canvas.polyline(run, width: 2.5, colour, in: plot)
            }
            guard series.style != .line || run.count == 1 else { continue }
            for point in run {
                // A light ring separates dots that overlap.
                if series.style == .scatter {
                    canvas.disc(x: point.x, y: point.y, radius: radius + 1, .white)
                }
                canvas.disc(x: point.x, y: point.y, radius: radius, colour)
            }
        }
    }

    private func place(_ point: Chart.Point) -> (x: Double, y: Double) {
        // Half a pixel inside, so that a line along the edge is visible.
        (
            Double(plot.x0) + 0.5 + xAxis.fraction(point.x) * Double(plot.width - 1),
            Double(plot.y1) - 0.5 - yAxis.fraction(point.y) * Double(plot.height - 1)
        )
    }
}

/// The legend: names of series next to a sample of their colour, in as many rows as needed.
struct ChartLegend {
    private let entries: [(name: String, colour: Colour, row: Int, x: Int)]
    private let scale: Int
    let height: Int

    init(_ series: [Chart.Series], width: Int, scale: Int) {
        var entries: [(name: String, colour: Colour, row: Int, x: Int)] = []
        var (row, x) = (0, 0)
        for (index, series) in series.enumerated() where !series.name.isEmpty {
            let room = (width - 14 * scale) / (TinyFont.advance * scale)
            let name = String(series.name.prefix(max(room, 1)))
            let needed = 14 * scale + ChartPanel.textWidth(name)
            if x > 0 && x + needed > width { (row, x) = (row + 1, 0) }
            entries.append((name, .chart(index), row, x))
            x += needed + 10 * scale
        }
        self.entries = entries
        self.scale = scale
        height = entries.isEmpty ? 0 : (row + 1) * (TinyFont.lineHeight + 1) * scale
    }

    func draw(on canvas: inout Canvas, x: Int, y: Int) {
        for entry in entries {
            let left = x + entry.x
            let top = y + entry.row * (TinyFont.lineHeight + 1) * scale + scale
            canvas.fill(
                PixelBox(
                    x0: left, y0: top + 2 * scale, x1: left + 10 * scale, y1: top + 4 * scale + 1),
                entry.colour)
            canvas.text(entry.name, x: left + 14 * scale, y: top, scale: scale, .ink)
        }
    }
}

extension Colour {
    fileprivate static let ink = Colour(red: 32, green: 32, blue: 36)
    fileprivate static let paleInk = Colour(red: 96, green: 96, blue: 104)
    fileprivate static let grid = Colour(red: 228, green: 228, blue: 232)
    fileprivate static let axis = Colour(red: 150, green: 150, blue: 158)

    /// The palette of Okabe and Ito; those with the best contrast on white first.
    fileprivate static func chart(_ index: Int) -> Colour {
        let order = [6, 5, 4, 2, 1, 0, 3]
        return .object(order[index % order.count])
    }
}
