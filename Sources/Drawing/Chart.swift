import Foundation
import Imaging

/// A line chart or scatter plot with one pair of axes.
///
/// Numbers that are not finite are not drawn; they interrupt a line.
public struct Chart: Equatable, Sendable {
    /// How a series is drawn.
    public enum Style: Hashable, Sendable {
        /// A line through the points in their order; a dot for a single point.
        case line
        /// A line through the points, with a dot at each point.
        case dottedLine
        /// A dot at each point.
        case scatter
    }

    /// The scale of an axis.
    public enum Scale: Hashable, Sendable {
        case linear
        /// A logarithmic scale; numbers that are not positive are not drawn.
        case logarithmic
    }

    /// A point of a series.
    public struct Point: Hashable, Sendable {
        /// The value on the horizontal axis.
        public var x: Double
        /// The value on the vertical axis.
        public var y: Double

        /// - Parameters:
        ///   - x: the value on the horizontal axis.
        ///   - y: the value on the vertical axis.
        public init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// A series of points with a common name and colour.
    public struct Series: Equatable, Sendable {
        /// The name in the legend; a series without a name is not in the legend.
        public var name: String
        /// The points, in the order in which a line connects them.
        public var points: [Point]
        /// How the points are drawn.
        public var style: Style

        /// - Parameters:
        ///   - name: the name in the legend; printable ASCII.
        ///   - points: the points, in the order in which a line connects them.
        ///   - style: how the points are drawn.
        public init(_ name: String, _ points: [Point], style: Style = .line) {
            self.name = name
            self.points = points
            self.style = style
        }
    }

    /// The title above the chart.
    public var title: String
    /// The label of the horizontal axis.
    public var xLabel: String
    /// The label of the vertical axis, written above the axis.
    public var yLabel: String
    /// The series, drawn in this order; up to seven have different colours.
    public var series: [Series]
    /// The scale of the vertical axis.
    public var yScale: Scale
    /// Whether both axes have the same range and the chart has the diagonal x = y.
    public var comparesEqualAxes: Bool
    /// The range that the vertical axis includes at least, for example 0...1.
    public var yRange: ClosedRange<Double>?

    /// - Parameters:
    ///   - title: the title above the chart; printable ASCII, like all texts of a chart.
    ///   - xLabel: the label of the horizontal axis.
    ///   - yLabel: the label of the vertical axis.
    ///   - series: the series, drawn in this order.
    ///   - yScale: the scale of the vertical axis.
    ///   - comparesEqualAxes: whether both axes have the same range and the chart has the diagonal.
    ///   - yRange: the range that the vertical axis includes at least.
    public init(
        title: String, xLabel: String = "", yLabel: String = "", series: [Series],
        yScale: Scale = .linear, comparesEqualAxes: Bool = false, yRange: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
        self.yScale = yScale
        self.comparesEqualAxes = comparesEqualAxes
        self.yRange = yRange
    }

    /// The default size of a panel.
    public static let panelSize = Size(height: 420, width: 640)

    /// Draws the chart, with "research use only, not a medical device" below it.
    ///
    /// - Parameter size: size of the panel without the strip below, at least 200x200 pixels.
    /// - Returns: an RGB image.
    public func draw(size: Size = panelSize) -> Image {
        Self.sheet([self], columns: 1, panel: size)
    }

    /// Draws several charts on one sheet, with "research use only, not a medical device" below them.
    ///
    /// - Parameters:
    ///   - charts: the charts in reading order; at least one.
    ///   - columns: charts per row.
    ///   - panel: each chart's size, at least 200x200 pixels.
    /// - Returns: an RGB image.
    public static func sheet(
        _ charts: [Chart], columns: Int = 2, panel: Size = panelSize
    ) -> Image {
        precondition(!charts.isEmpty, "a sheet must have charts")
        precondition(
            panel.width >= 200 && panel.height >= 200, "a panel must have at least 200x200 pixels")
        let columns = min(max(columns, 1), charts.count)
        let rows = (charts.count + columns - 1) / columns
        var canvas = Canvas(
            Size(height: rows * panel.height, width: columns * panel.width), colour: .white)
        for (index, chart) in charts.enumerated() {
            let x0 = index % columns * panel.width
            let y0 = index / columns * panel.height
            let box = PixelBox(x0: x0, y0: y0, x1: x0 + panel.width, y1: y0 + panel.height)
            ChartPanel(chart, in: box).draw(on: &canvas)
        }
        return canvas.image.captioned("", scale: ChartPanel.scale)
    }
}

/// An axis: its range, its scale and its ticks.
struct ChartAxis {
    let range: ClosedRange<Double>
    let scale: Chart.Scale

    /// Creates an axis whose range is a little wider than that of the values.
    ///
    /// - Parameters:
    ///   - values: the values to show; finite, and positive on a logarithmic axis.
    ///   - scale: linear or logarithmic.
    ///   - atLeast: a range that the axis includes in any case.
    ///   - margin: margin at both ends, as a fraction of the values' range.
    init(
        around values: [Double], scale: Chart.Scale = .linear, atLeast: ClosedRange<Double>? = nil,
        margin: Double = 0.05
    ) {
        self.scale = scale
        // The difference of larger numbers overflows.
        let values = values.map { min(max($0, -1e300), 1e300) }
        let places = values.map { Self.place($0, scale) }
        guard var low = places.min(), var high = places.max() else {
            range = atLeast ?? (scale == .linear ? 0...1 : 0.1...1)
            return
        }
        let extent = high - low
        // If all values are equal, they are in the middle of the axis.
        let pad = extent > abs(high) * 1e-9 ? extent * margin : max(abs(high) * 0.1, 1e-9)
        low -= pad
        high += pad
        if let atLeast {
            let bounds =
                Self.place(atLeast.lowerBound, scale)...Self.place(atLeast.upperBound, scale)
            low = min(places.min() ?? low, bounds.lowerBound)
            high = max(places.max() ?? high, bounds.upperBound)
        }
        // An axis of non-negative values does not include negative ones.
        if scale == .linear && low < 0 && places.allSatisfy({ $0 >= 0 }) { low = 0 }
        range = Self.number(low, scale)...Self.number(max(high, low), scale)
    }

    init(_ range: ClosedRange<Double>, scale: Chart.Scale = .linear) {
        self.range = range
        self.scale = scale
    }

    /// The position of a value on the axis.
    ///
    /// - Parameter value: a value in the axis's range.
    /// - Returns: 0 at the lower end, 1 at the upper end.
    func fraction(_ value: Double) -> Double {
        let low = Self.place(range.lowerBound, scale)
        let high = Self.place(range.upperBound, scale)
        return high > low ? (Self.place(value, scale) - low) / (high - low) : 0.5
    }

    /// Ticks at multiples of 1, 2 or 5 times a power of ten.
    ///
    /// - Parameter wanted: approximate number of ticks, at least 2.
    /// - Returns: values and their labels, in order.
    func ticks(_ wanted: Int) -> [(value: Double, text: String)] {
        if scale == .logarithmic, let decades = decades(wanted) { return decades }
        let extent = range.upperBound - range.lowerBound
        guard extent > 0, extent.isFinite else {
            return [(range.lowerBound, Self.text(range.lowerBound, step: range.lowerBound))]
        }
        let step = Self.niceStep(extent / Double(max(wanted, 2)))
        let first = (range.lowerBound / step - 1e-9).rounded(.up)
        let last = (range.upperBound / step + 1e-9).rounded(.down)
        guard first <= last, last - first < 100 else { return [] }
        return stride(from: first, through: last, by: 1).map { count in
            let value = count * step
            return (value, Self.text(value, step: step, largest: maximum))
        }
    }

    private var maximum: Double { max(abs(range.lowerBound), abs(range.upperBound)) }

    /// Ticks at powers of ten, and at 2 and 5 times these if there is space; nil if there are fewer
    /// than two.
    private func decades(_ wanted: Int) -> [(value: Double, text: String)]? {
        let low = log10(range.lowerBound)
        let high = log10(range.upperBound)
        let sub: [Double] = high - low < Double(wanted) / 2.5 ? [1, 2, 5] : [1]
        let skip = max(((high - low) / Double(max(wanted, 2))).rounded(.up), 1)
        let exponents = stride(from: (low / skip).rounded(.down) * skip, through: high, by: skip)
        let ticks = exponents.flatMap { exponent in sub.map { $0 * pow(10, exponent) } }
            .filter { $0 >= range.lowerBound * 0.999999 && $0 <= range.upperBound * 1.000001 }
        guard ticks.count >= 2 else { return nil }
        return ticks.map { ($0, Self.text($0, step: $0, largest: $0)) }
    }

    /// The smallest of 1, 2 and 5 times a power of ten that is at least `least`.
    private static func niceStep(_ least: Double) -> Double {
        let power = pow(10, log10(least).rounded(.down))
        let factor = [1.0, 2, 5, 10].first { $0 * power >= least * 0.999999 } ?? 10
        return factor * power
    }

    /// The label of a tick, with the digits that distinguish it from its neighbours.
    ///
    /// - Parameters:
    ///   - value: the tick's value.
    ///   - step: distance between ticks.
    ///   - largest: largest absolute value on the axis; decides between `0.0002` and `2e-4`.
    /// - Returns: the label.
    static func text(_ value: Double, step: Double, largest: Double? = nil) -> String {
        let largest = largest ?? abs(value)
        if value == 0 { return "0" }
        let exponent = Int(log10(abs(step) * 1.000001).rounded(.down))
        if largest >= 1e6 || largest < 1e-2 {
            let own = Int(log10(abs(value) * 1.000001).rounded(.down))
            let digits = min(max(own - exponent, 0), 9)
            return String(format: "%.\(digits)fe%d", value / pow(10, Double(own)), own)
        }
        return String(format: "%.\(min(max(-exponent, 0), 12))f", value)
    }

    private static func place(_ value: Double, _ scale: Chart.Scale) -> Double {
        scale == .linear ? value : log10(max(value, .leastNormalMagnitude))
    }

    private static func number(_ place: Double, _ scale: Chart.Scale) -> Double {
        // Keep the power of ten finite and above 0.
        scale == .linear ? place : pow(10, min(max(place, -300), 300))
    }
}
