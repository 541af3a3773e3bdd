import Foundation
import Imaging

/// A chart with one pair of axes: lines over steps, or points of two measurements.
///
/// Numbers that are not finite are left out, and a line is broken there.
public struct Chart: Equatable, Sendable {
    /// How a series is drawn.
    public enum Style: Hashable, Sendable {
        /// Its points joined in their order; a dot where one stands alone.
        case line
        /// As `line`, with a dot at each point.
        case dottedLine
        /// A dot at each point.
        case scatter
    }

    /// How numbers become lengths along an axis.
    public enum Scale: Hashable, Sendable {
        case linear
        /// Decades; numbers up to 0 are left out.
        case logarithmic
    }

    /// A point in the chart's numbers.
    public struct Point: Hashable, Sendable {
        /// Along the horizontal axis.
        public var x: Double
        /// Along the vertical axis.
        public var y: Double

        /// - Parameters:
        ///   - x: along the horizontal axis.
        ///   - y: along the vertical axis.
        public init(_ x: Double, _ y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// Points of one colour with one name.
    public struct Series: Equatable, Sendable {
        /// What the legend says; nothing when empty.
        public var name: String
        /// In the order in which a line joins them.
        public var points: [Point]
        /// How they are drawn.
        public var style: Style

        /// - Parameters:
        ///   - name: what the legend says; printable ASCII.
        ///   - points: in the order in which a line joins them.
        ///   - style: how they are drawn.
        public init(_ name: String, _ points: [Point], style: Style = .line) {
            self.name = name
            self.points = points
            self.style = style
        }
    }

    /// Stands above the chart.
    public var title: String
    /// What the horizontal axis measures.
    public var xLabel: String
    /// What the vertical axis measures, written above it.
    public var yLabel: String
    /// What is drawn, the first at the bottom; each has a colour of its own, seven in all.
    public var series: [Series]
    /// The vertical axis.
    public var yScale: Scale
    /// Both axes from the smaller to the larger of both, with the line where they are equal.
    public var comparesEqualAxes: Bool
    /// What the vertical axis shows at least, such as 0...1.
    public var yRange: ClosedRange<Double>?

    /// - Parameters:
    ///   - title: stands above the chart; printable ASCII, as all words here.
    ///   - xLabel: what the horizontal axis measures.
    ///   - yLabel: what the vertical axis measures, written above it.
    ///   - series: what is drawn, the first at the bottom.
    ///   - yScale: the vertical axis.
    ///   - comparesEqualAxes: both axes with one range, with the line where they are equal.
    ///   - yRange: what the vertical axis shows at least.
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

    /// A panel's size where none is named.
    public static let panelSize = Size(height: 420, width: 640)

    /// Draws the chart, with "research use only, not a medical device" below it.
    ///
    /// - Parameter size: of the panel, at least 200x200 pixels; the strip is added to it.
    /// - Returns: an RGB image.
    public func draw(size: Size = panelSize) -> Image {
        Self.sheet([self], columns: 1, panel: size)
    }

    /// Draws several charts on one sheet, "research use only, not a medical device" below them.
    ///
    /// - Parameters:
    ///   - charts: in reading order; at least one.
    ///   - columns: charts in a row.
    ///   - panel: each chart's size, at least 200x200 pixels.
    /// - Returns: an RGB image.
    public static func sheet(
        _ charts: [Chart], columns: Int = 2, panel: Size = panelSize
    ) -> Image {
        precondition(!charts.isEmpty, "a sheet has charts")
        precondition(panel.width >= 200 && panel.height >= 200, "a chart has room")
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

/// The numbers along an axis: its range, its scale, and where it has ticks.
struct ChartAxis {
    let range: ClosedRange<Double>
    let scale: Chart.Scale

    /// An axis around numbers, a little wider than they are.
    ///
    /// - Parameters:
    ///   - values: what is shown; finite, and above 0 on a logarithmic axis.
    ///   - scale: linear or logarithmic.
    ///   - atLeast: what is shown besides.
    ///   - margin: share of the extent added at both ends.
    init(
        around values: [Double], scale: Chart.Scale = .linear, atLeast: ClosedRange<Double>? = nil,
        margin: Double = 0.05
    ) {
        self.scale = scale
        // Larger numbers have no neighbours to tell apart, and their difference overflows.
        let values = values.map { min(max($0, -1e300), 1e300) }
        let places = values.map { Self.place($0, scale) }
        guard var low = places.min(), var high = places.max() else {
            range = atLeast ?? (scale == .linear ? 0...1 : 0.1...1)
            return
        }
        let extent = high - low
        // Numbers that are all alike stand in the middle.
        let pad = extent > abs(high) * 1e-9 ? extent * margin : max(abs(high) * 0.1, 1e-9)
        low -= pad
        high += pad
        if let atLeast {
            let bounds =
                Self.place(atLeast.lowerBound, scale)...Self.place(atLeast.upperBound, scale)
            low = min(places.min() ?? low, bounds.lowerBound)
            high = max(places.max() ?? high, bounds.upperBound)
        }
        // No axis of positive numbers shows negative ones.
        if scale == .linear && low < 0 && places.allSatisfy({ $0 >= 0 }) { low = 0 }
        range = Self.number(low, scale)...Self.number(max(high, low), scale)
    }

    init(_ range: ClosedRange<Double>, scale: Chart.Scale = .linear) {
        self.range = range
        self.scale = scale
    }

    /// - Parameter value: a number on the axis.
    /// - Returns: how far along it lies: 0 at the lower end, 1 at the upper.
    func fraction(_ value: Double) -> Double {
        let low = Self.place(range.lowerBound, scale)
        let high = Self.place(range.upperBound, scale)
        return high > low ? (Self.place(value, scale) - low) / (high - low) : 0.5
    }

    /// Numbers worth writing beside the axis, at steps of 1, 2 or 5 times a power of ten.
    ///
    /// - Parameter wanted: about how many, at least 2.
    /// - Returns: numbers and their words, in order.
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

    /// Powers of ten, with 2 and 5 times them where there is room; nil when one step is too wide.
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

    /// The smallest of 1, 2 and 5 times a power of ten that is not below.
    private static func niceStep(_ least: Double) -> Double {
        let power = pow(10, log10(least).rounded(.down))
        let factor = [1.0, 2, 5, 10].first { $0 * power >= least * 0.999999 } ?? 10
        return factor * power
    }

    /// A number in as many digits as tell it from its neighbours.
    ///
    /// - Parameters:
    ///   - value: the number.
    ///   - step: distance to its neighbours.
    ///   - largest: size of the largest one beside it; decides between `0.0002` and `2e-4`.
    /// - Returns: its words.
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
        // Where powers of ten are numbers still, and not 0.
        scale == .linear ? place : pow(10, min(max(place, -300), 300))
    }
}
