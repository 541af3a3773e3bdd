import Imaging

/// The critical-difference diagram of Demšar (JMLR 2006): systems on an axis of mean ranks, with a bar
/// over those that do not differ significantly.
public struct CriticalDifferenceDiagram: Sendable {
    private static let margin = 24.0
    private static let axisWidth = 560.0
    private static let line = VectorFigure.lineHeight

    private let title: String
    private let systems: [(name: String, rank: Double)]
    private let criticalDifference: Double

    /// - Parameters:
    ///   - title: the title above the diagram; printable ASCII, like all texts.
    ///   - systems: names and mean ranks from 1 to the number of systems; at least two.
    ///   - criticalDifference: the difference of ranks above which two systems differ.
    public init(
        title: String, systems: [(name: String, rank: Double)], criticalDifference: Double
    ) {
        precondition(systems.count > 1, "a diagram compares at least two systems")
        self.title = title
        self.systems = systems.sorted { $0.rank < $1.rank }
        self.criticalDifference = criticalDifference
    }

    /// The diagram as an RGB image, with "research use only, not a medical device" below it.
    public func draw() -> Image { figure.draw() }

    /// The diagram as SVG, with the same notice.
    public func svg() -> String { figure.svg() }

    /// The largest groups of neighbours whose ranks differ by at most the critical difference, as
    /// ranges of the systems in the order of their ranks; groups of one are left out.
    var groups: [ClosedRange<Int>] {
        var groups: [ClosedRange<Int>] = []
        for first in systems.indices {
            let last =
                systems.lastIndex { $0.rank - systems[first].rank <= criticalDifference } ?? first
            if last > first, last > groups.last?.upperBound ?? -1 { groups.append(first...last) }
        }
        return groups
    }

    private var figure: VectorFigure {
        let labels = systems.map { String($0.name.prefix(40)) + " " + Self.text($0.rank) }
        let left = systems.count / 2 + systems.count % 2
        let space = labels.map(VectorFigure.width).max() ?? 0
        let start = Self.margin + space + 16
        let bars = Double(groups.count)
        let axis = Self.margin + 5 * Self.line
        let rows = axis + 16 + bars * 10 + 10
        let height = rows + Double(left) * Self.line + Self.margin
        let full = start + Self.axisWidth + 16 + space + Self.margin
        let width = max(full, VectorFigure.width(of: title) + 2 * Self.margin)
        var figure = VectorFigure(Size(height: Int(height), width: Int(width)))
        figure.text(title, x: Self.margin, y: Self.margin)
        let last = Double(systems.count)
        func place(_ rank: Double) -> Double {
            start + (rank - 1) / (last - 1) * Self.axisWidth
        }
        drawScale(in: &figure, at: axis, place)
        for (row, group) in groups.enumerated() {
            let y = axis + 14 + Double(row) * 10
            figure.line(
                (place(systems[group.lowerBound].rank) - 4, y),
                (place(systems[group.upperBound].rank) + 4, y), width: 5)
        }
        for (index, system) in systems.enumerated() {
            let isLeft = index < left
            let row = isLeft ? index : systems.count - 1 - index
            let y = rows + Double(row) * Self.line + Self.line / 2
            let x = place(system.rank)
            let end = isLeft ? start - 10 : start + Self.axisWidth + 10
            figure.line((x, axis), (x, y))
            figure.line((x, y), (end, y))
            figure.text(
                labels[index], x: isLeft ? end - 6 : end + 6, y: y - 7,
                anchor: isLeft ? .end : .start)
        }
        return figure
    }

    /// The axis with a tick at each rank, and the critical difference above it.
    private func drawScale(
        in figure: inout VectorFigure, at axis: Double, _ place: (Double) -> Double
    ) {
        let last = Double(systems.count)
        figure.line((place(1), axis), (place(last), axis))
        let step = Swift.max(1, systems.count / 12)
        for rank in stride(from: 1, through: systems.count, by: step) {
            let x = place(Double(rank))
            figure.line((x, axis - 8), (x, axis))
            figure.text("\(rank)", x: x, y: axis - 8 - Self.line, anchor: .middle)
        }
        // A difference beyond the axis is cut; its text says the length.
        let end = place(Swift.min(1 + criticalDifference, last))
        let y = axis - 2.2 * Self.line
        figure.line((place(1), y), (end, y))
        figure.line((place(1), y - 5), (place(1), y + 5))
        if 1 + criticalDifference <= last { figure.line((end, y - 5), (end, y + 5)) }
        figure.text(
            "critical difference " + Self.text(criticalDifference), x: place(1),
            y: y - 1.2 * Self.line)
    }

    private static func text(_ rank: Double) -> String {
        let hundredths = Int((rank * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
