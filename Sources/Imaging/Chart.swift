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
    /// - Returns: an RGB picture.
    public func draw(size: Size = panelSize) -> Image {
        Self.sheet([self], columns: 1, panel: size)
    }

    /// Draws several charts on one sheet, "research use only, not a medical device" below them.
    ///
    /// - Parameters:
    ///   - charts: in reading order; at least one.
    ///   - columns: charts in a row.
    ///   - panel: each chart's size, at least 200x200 pixels.
    /// - Returns: an RGB picture.
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
