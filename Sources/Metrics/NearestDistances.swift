import Imaging

extension PointGrid {
    /// The Euclidean distance of each marked point to the nearest marked point of another grid.
    ///
    /// Exact: nearest in each column by two sweeps, then in each row that is asked for the lower
    /// envelope of one parabola a column (Felzenszwalb and Huttenlocher, Theory of Computing 8,
    /// 2012). Only rows with points, and columns with targets, are looked at.
    ///
    /// - Parameters:
    ///   - targets: a grid of the same size with at least one point.
    ///   - spacing: distance of neighbouring columns and rows.
    /// - Returns: one distance a point, in the order of ``points``.
    func distances(to targets: PointGrid, spacing: PixelSpacing) -> [Double] {
        precondition(width == targets.width && height == targets.height, "one grid")
        precondition(!targets.points.isEmpty, "there is a nearest point")
        let rows = targets.rowsToNearestMark()
        var envelope = LowerEnvelope(
            columns: (0..<width).filter { rows[$0] < Self.none }, spacing: spacing)
        return [Double](unsafeUninitializedCapacity: points.count) { result, initialized in
            var first = 0
            while first < points.count {
                let start = points[first] / width * width
                var end = first + 1
                while end < points.count && points[end] < start + width { end += 1 }
                envelope.build(rows: rows[start..<start + width])
                envelope.squares(at: points[first..<end], less: start) { result[$0] = $1 }
                first = end
            }
            for i in 0..<points.count { result[i] = result[i].squareRoot() }
            initialized = points.count
        }
    }

    /// More rows than any grid has: there is no mark in this column.
    private static var none: Int32 { Int32.max / 2 }

    /// Rows to the nearest mark in the same column, for every point.
    private func rowsToNearestMark() -> [Int32] {
        [Int32](unsafeUninitializedCapacity: marks.count) { rows, initialized in
            marks.withUnsafeBufferPointer { marks in
                for x in 0..<width { rows[x] = marks[x] != 0 ? 0 : Self.none }
                for y in 1..<max(height, 1) {
                    let (here, above) = (rows.row(y, width), rows.row(y - 1, width))
                    let marks = marks.row(y, width)
                    for x in 0..<width {
                        here[x] = marks[x] != 0 ? 0 : min(above[x] &+ 1, Self.none)
                    }
                }
                for y in (0..<height - 1).reversed() {
                    let (here, below) = (rows.row(y, width), rows.row(y + 1, width))
                    for x in 0..<width { here[x] = min(here[x], below[x] &+ 1) }
                }
            }
            initialized = marks.count
        }
    }
}
