import Torch
import TorchNN

/// Decomposed relative position: what a query adds to its attention for a key's distance in rows and
/// for its distance in columns (ViTDet, arXiv:2203.16527; segment-anything).
///
/// The sum of the two is a product too: of the query's amounts for each row and column of keys, and
/// of ones where a key stands. Both are appended to query and key, so that no table of all pairs is
/// ever made.
public enum RelativePosition {
    /// A query with its amounts for each row and each column of keys appended.
    ///
    /// - Parameters:
    ///   - query: unscaled, `[N, H, W, heads, C]`.
    ///   - scale: factor of the query itself.
    ///   - rows: table of the rows' distances, `[2 R - 1, C]` for R rows of keys.
    ///   - columns: table of the columns' distances.
    ///   - keys: how the keys lie; the first query lies where the first key does.
    /// - Returns: `[N, heads, H W, C + R + S]` for R x S keys.
    static func extended(
        query: Tensor, scale: Double, rows: Tensor, columns: Tensor, keys: Grid
    ) -> Tensor {
        let shape = query.shape
        let byRow = amounts(
            query.permuted([1, 0, 2, 3, 4]),
            vectors(of: rows, queries: shape[1], keys: keys.rows)
        ).permuted([1, 3, 0, 2, 4])
        let byColumn = amounts(
            query.permuted([2, 0, 1, 3, 4]),
            vectors(of: columns, queries: shape[2], keys: keys.columns)
        ).permuted([1, 3, 2, 0, 4])
        let scaled = query.permuted([0, 3, 1, 2, 4]) * scale
        return Tensor.concatenate([scaled, byRow, byColumn], axis: -1).flattened(from: 2, to: 3)
    }

    /// What is appended to a key: ones for its row and its column.
    ///
    /// - Parameters:
    ///   - grid: how the keys lie, R x S.
    ///   - keys: whose type and device it is for.
    /// - Returns: `[R S, R + S]`.
    static func marks(of grid: Grid, for keys: Tensor) -> Tensor {
        let places = (0..<grid.count).map { [$0 / grid.columns, $0 % grid.columns + grid.rows] }
        return Tensor.zeros(
            [grid.count, grid.rows + grid.columns], dtype: keys.dtype, device: keys.device
        ).scattered(
            at: Tensor(places.flatMap(\.self), shape: [grid.count, 2]).to(keys.device), value: 1)
    }

    /// For each query of a line its products with the line's vectors.
    ///
    /// - Parameters:
    ///   - query: lines first, `[L, N, M, heads, C]`.
    ///   - vectors: `[L, K, C]`.
    /// - Returns: `[L, N, M, heads, K]`.
    private static func amounts(_ query: Tensor, _ vectors: Tensor) -> Tensor {
        let shape = query.shape
        return query.reshaped([shape[0], -1, shape[4]]).matmul(vectors.transposed(1, 2))
            .reshaped(Array(shape.dropLast()) + [-1])
    }

    /// The rows of a table for all pairs of queries and keys along one axis, `[queries, keys, C]`.
    private static func vectors(of table: Tensor, queries: Int, keys: Int) -> Tensor {
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
    ///   - table: a vector for each distance from `-(L - 1)` to `L - 1`, `[2 L - 1, C]`.
    ///   - length: rows of the result.
    /// - Returns: `[length, C]`; the table itself when it has that length.
    public static func resized(_ table: Tensor, length: Int) -> Tensor {
        let width = table.size(1)
        guard table.size(0) != length else { return table }
        return bilinear(table.reshaped([1, 1, -1, width]), height: length, width: width)
            .reshaped([length, width])
    }
}

/// Rows and columns of tokens.
struct Grid: Equatable {
    let rows: Int
    let columns: Int

    var count: Int { rows * columns }
}
