import Imaging

extension MarkedGrid {
    /// The Euclidean distance of each marked point to the nearest marked point of another grid.
    ///
    /// The distances are exact: two sweeps find the nearest mark in each column, then each row uses
    /// the lower envelope of one parabola per column (Felzenszwalb and Huttenlocher, Theory of
    /// Computing 8, 2012). Rows without points and columns without targets are skipped.
    ///
    /// - Parameters:
    ///   - targets: a grid of the same size with at least one point.
    ///   - spacing: distance between adjacent columns and rows.
    /// - Returns: one distance for each point, in the order of ``points``.
    func distances(to targets: MarkedGrid, spacing: PixelSpacing) -> [Double] {
        precondition(
            width == targets.width && height == targets.height, "grids of the same size are needed")
        precondition(!targets.points.isEmpty, "targets must not be empty")
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

    /// More rows than any grid has; stands for a column without marks.
    private static var none: Int32 { Int32.max / 2 }

    /// The number of rows to the nearest mark in the same column, for all points.
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

/// The "HD" in the program of the SAMUS authors.
///
/// It is the Hausdorff distance of two *sets of rows*. A row of a mask is a point with one coordinate
/// per column; the distance of two rows is the number of columns in which they differ. The position
/// of a row does not matter: a mask moved down by 30 pixels has distance 0.
enum RowDistance {
    /// The distance of two masks of the same size, in columns; at most the width.
    static func hausdorff(_ one: Mask, _ other: Mask) -> Int {
        let (a, b) = (PackedRows(one), PackedRows(other))
        return max(a.farthest(from: b), b.farthest(from: a))
    }
}

/// The distinct rows of a mask, 64 pixels per word.
private struct PackedRows {
    let rows: [[UInt64]]

    init(_ mask: Mask) {
        var seen: Set<[UInt64]> = []
        rows = (0..<mask.height).compactMap { y in
            var words = [UInt64](repeating: 0, count: (mask.width + 63) / 64)
            for x in 0..<mask.width where mask.values[y * mask.width + x] != 0 {
                words[x / 64] |= 1 << UInt64(x % 64)
            }
            return seen.insert(words).inserted ? words : nil
        }
    }

    /// The largest distance of a row to the nearest row of `other`.
    func farthest(from other: PackedRows) -> Int {
        var farthest = 0
        for row in rows {
            var nearest = Int.max
            for candidate in other.rows {
                nearest = min(nearest, distance(row, candidate, below: nearest))
                // This row cannot increase the largest distance.
                if nearest <= farthest { break }
            }
            farthest = max(farthest, nearest)
        }
        return farthest
    }

    private func distance(_ a: [UInt64], _ b: [UInt64], below limit: Int) -> Int {
        var sum = 0
        for i in a.indices {
            sum += (a[i] ^ b[i]).nonzeroBitCount
            if sum >= limit { return sum }
        }
        return sum
    }
}

/// The lower envelope of one parabola per column, along one row of a grid.
///
/// The parabola of column c is `(dx (x - c))^2 + (dy rows[c])^2`, the squared distance to the nearest
/// mark in column c.
struct LowerEnvelope {
    /// Columns with a parabola, in ascending order.
    private let columns: [Int]
    private let spacing: PixelSpacing
    /// Centres (columns), squared heights and left ends of the parabolas of the envelope, from left
    /// to right.
    private var centres: [Double]
    private var heights: [Double]
    private var starts: [Double]
    private var count = 0

    init(columns: [Int], spacing: PixelSpacing) {
        self.columns = columns
        self.spacing = spacing
        centres = [Double](repeating: 0, count: columns.count)
        heights = centres
        starts = centres
    }

    /// Computes the envelope of a row.
    ///
    /// - Parameter rows: the number of rows to the nearest mark in each column.
    mutating func build(rows: ArraySlice<Int32>) {
        let perSquare = 1 / (spacing.x * spacing.x)
        var last = -1
        rows.withUnsafeBufferPointer { rows in
            centres.withUnsafeMutableBufferPointer { centres in
                heights.withUnsafeMutableBufferPointer { heights in
                    starts.withUnsafeMutableBufferPointer { starts in
                        for column in columns {
                            let centre = Double(column)
                            let away = Double(rows[column]) * spacing.y
                            let height = away * away
                            var start = -Double.infinity
                            while last >= 0 {
                                // The intersection of the two parabolas.
                                let rise = (height - heights[last]) * perSquare
                                let width = centre - centres[last]
                                start = 0.5 * (centre + centres[last] + rise / width)
                                if start > starts[last] { break }
                                last -= 1
                                start = -Double.infinity
                            }
                            last += 1
                            centres[last] = centre
                            heights[last] = height
                            starts[last] = start
                        }
                    }
                }
            }
        }
        count = last + 1
    }

    /// Calls `body` with the index and squared distance of each point; `points` are ascending.
    func squares(at points: ArraySlice<Int>, less start: Int, _ body: (Int, Double) -> Void) {
        var place = 0
        for index in points.indices {
            let column = Double(points[index] - start)
            while place + 1 < count && starts[place + 1] < column { place += 1 }
            // Subtract columns, then multiply by the spacing: SciPy's order, with the same rounding.
            let dx = (column - centres[place]) * spacing.x
            body(index, heights[place] + dx * dx)
        }
    }
}

// A row as a separate buffer: the index is the column, so that the compiler can vectorize loops.

extension UnsafeBufferPointer {
    func row(_ y: Int, _ width: Int) -> UnsafeBufferPointer {
        UnsafeBufferPointer(rebasing: self[y * width..<(y + 1) * width])
    }
}

extension UnsafeMutableBufferPointer {
    func row(_ y: Int, _ width: Int) -> UnsafeMutableBufferPointer {
        UnsafeMutableBufferPointer(rebasing: self[y * width..<(y + 1) * width])
    }
}
