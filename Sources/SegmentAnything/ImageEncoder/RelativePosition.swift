import Torch
import TorchNN

/// Decomposed relative position: what a query adds to its attention for a key's distance in rows and
/// for its distance in columns (ViTDet, arXiv:2203.16527; segment-anything).
enum RelativePosition {
    /// The rows of a table for all pairs of queries and keys along one axis.
    ///
    /// - Parameters:
    ///   - table: a vector for each distance from `-(L - 1)` to `L - 1`, `[2 L - 1, C]`; a table of
    ///     another length is resized first.
    ///   - queries: places of queries, from 0.
    ///   - keys: places of keys, from 0, L.
    /// - Returns: `[queries, keys, C]`.
    static func vectors(of table: Tensor, queries: Int, keys: Int) -> Tensor {
        let places = (0..<queries).flatMap { query in
            (0..<keys).map { query - $0 + keys - 1 }
        }
        return resized(table, length: 2 * keys - 1)
            .indexed(by: Tensor(places).to(table.device), axis: 0)
            .reshaped([queries, keys, -1])
    }

    /// A table for another number of places, linear between the distances it has.
    ///
    /// - Parameters:
    ///   - table: `[2 L - 1, C]`.
    ///   - length: rows of the result.
    /// - Returns: `[length, C]`; the table itself when it has that length.
    static func resized(_ table: Tensor, length: Int) -> Tensor {
        let width = table.size(1)
        guard table.size(0) != length else { return table }
        return bilinear(table.reshaped([1, 1, -1, width]), height: length, width: width)
            .reshaped([length, width])
    }

    /// What each query adds for each key: row part and column part summed.
    ///
    /// - Parameters:
    ///   - query: unscaled, `[N, heads, H, W, C]`.
    ///   - rows: vectors of the rows, `[H, key rows, C]`.
    ///   - columns: vectors of the columns, `[W, key columns, C]`.
    /// - Returns: `[N, heads, H W, key rows x key columns]`.
    static func bias(of query: Tensor, rows: Tensor, columns: Tensor) -> Tensor {
        let byRow = query.matmul(rows.transposed(1, 2))
        let byColumn = query.transposed(2, 3).matmul(columns.transposed(1, 2)).transposed(2, 3)
        return (byRow.unsqueezed(-1) + byColumn.contiguous().unsqueezed(-2))
            .flattened(from: 4).flattened(from: 2, to: 3)
    }
}
