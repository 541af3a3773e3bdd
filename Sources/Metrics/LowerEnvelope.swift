import Imaging

/// The lowest of one parabola a column, along one row of a grid.
///
/// The parabola of column c is `(dx (x - c))^2 + (dy rows[c])^2`: the squared distance to the mark
/// that is nearest in column c.
struct LowerEnvelope {
    /// Columns that have a parabola, rising.
    private let columns: [Int]
    private let spacing: PixelSpacing
    /// Centres (columns), squared heights and left ends of the parabolas that are lowest somewhere, left to right.
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

    /// Makes the envelope of a row: `rows`, from the first column on, tells how many rows away the
    /// nearest mark of each column is.
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
                                // Where the two parabolas are equally high.
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

    /// Gives the squared distance at each of `points`, which rise, with its index in the whole.
    func squares(at points: ArraySlice<Int>, less start: Int, _ body: (Int, Double) -> Void) {
        var place = 0
        for index in points.indices {
            let column = Double(points[index] - start)
            while place + 1 < count && starts[place + 1] < column { place += 1 }
            // Whole columns first, then the spacing: SciPy's order, so that ties fall alike.
            let dx = (column - centres[place]) * spacing.x
            body(index, heights[place] + dx * dx)
        }
    }
}
