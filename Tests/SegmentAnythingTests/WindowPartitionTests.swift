import Testing

@testable import SegmentAnything

/// A grid and its windows.
struct PartitionSizes: CustomTestStringConvertible, Sendable {
    let rows: Int
    let columns: Int
    let window: Int

    var testDescription: String { "\(rows) x \(columns) in windows of \(window)" }

    /// Grids smaller than a window, of one window, of whole windows, and with windows beyond the
    /// edges.
    static let all = [
        PartitionSizes(rows: 3, columns: 5, window: 7), .init(rows: 7, columns: 7, window: 7),
        .init(rows: 8, columns: 8, window: 7), .init(rows: 6, columns: 9, window: 3),
        .init(rows: 6, columns: 8, window: 3), .init(rows: 8, columns: 6, window: 3),
        .init(rows: 32, columns: 32, window: 14), .init(rows: 25, columns: 25, window: 7),
        .init(rows: 40, columns: 40, window: 14), .init(rows: 5, columns: 2, window: 1),
        .init(rows: 1, columns: 30, window: 4), .init(rows: 1, columns: 1, window: 14),
    ]

    /// The expected keys of a window, computed from its upper left corner.
    func keys(top: Int, left: Int) -> [Int] {
        (0..<window * window).map { place in
            let (row, column) = (top + place / window, left + place % window)
            return row < rows && column < columns ? row * columns + column : rows * columns
        }
    }
}

@Suite("WindowPartition has no queries for padding")
struct WindowPartitionTests {
    @Test("every token is a query exactly once", arguments: PartitionSizes.all)
    func queries(sizes: PartitionSizes) {
        let partition = WindowPartition(
            rows: sizes.rows, columns: sizes.columns, window: sizes.window)
        let queries = partition.groups.flatMap(\.queries)
        #expect(queries.sorted() == Array(0..<sizes.rows * sizes.columns))
        #expect(partition.queryIndices.map { queries[$0] } == Array(0..<sizes.rows * sizes.columns))
        #expect(partition.groups.count <= 4)
        for group in partition.groups {
            #expect(group.queries.count == group.count * group.grid.count)
            #expect(group.keys.count == group.count * sizes.window * sizes.window)
        }
    }

    @Test(
        "keys are the query's window, padded beyond the edge",
        arguments: PartitionSizes.all)
    func keys(sizes: PartitionSizes) {
        let partition = WindowPartition(
            rows: sizes.rows, columns: sizes.columns, window: sizes.window)
        let area = sizes.window * sizes.window
        var corners: Set<Int> = []
        for group in partition.groups {
            for index in 0..<group.count {
                let queries = Array(
                    group.queries[index * group.grid.count..<(index + 1) * group.grid.count])
                let keys = Array(group.keys[index * area..<(index + 1) * area])
                let (top, left) = (queries[0] / sizes.columns, queries[0] % sizes.columns)
                #expect(top % sizes.window == 0 && left % sizes.window == 0)
                corners.insert(queries[0])
                #expect(keys == sizes.keys(top: top, left: left))
                #expect(queries == keys.filter { $0 < sizes.rows * sizes.columns })
                #expect(group.grid.rows == min(sizes.window, sizes.rows - top))
                #expect(group.grid.columns == min(sizes.window, sizes.columns - left))
            }
        }
        let down = (sizes.rows + sizes.window - 1) / sizes.window
        let across = (sizes.columns + sizes.window - 1) / sizes.window
        #expect(corners.count == down * across)
    }
}
