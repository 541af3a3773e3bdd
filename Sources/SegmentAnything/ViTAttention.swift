import Torch
import TorchNN

/// Attention of SAM's image encoder, with decomposed relative position: among all tokens, or among
/// those of a window.
///
/// Gives the same result as segment-anything with less work: relative position is part of query and
/// key (see ``RelativePosition``), and padding tokens are not computed (see `WindowPartition`).
public class ViTAttention: Module, Layer {
    let qkv: any QueryKeyValueLayer
    let proj: Linear
    let relPosH: Parameter
    let relPosW: Parameter
    let heads: Int
    /// Height and width of a window; nil when all tokens attend to all.
    let window: Int?
    private let paddingOutput = CachedTensor()

    /// - Parameters:
    ///   - width: channels in and out, D.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in tokens; nil for attention among all tokens.
    ///   - grid: height and width of all tokens, for which a global attention has its tables.
    ///   - rank: of LoRA on queries and values; nil for none.
    public required init(width: Int, heads: Int, window: Int?, grid: Int, rank: Int? = nil) {
        precondition(width % heads == 0, "\(heads) heads do not divide a width of \(width)")
        qkv = queryKeyValueLayer(width: width, rank: rank)
        proj = Linear(width, width)
        let distances = 2 * (window ?? grid) - 1
        relPosH = Parameter(constant: 0, [distances, width / heads])
        relPosW = Parameter(constant: 0, [distances, width / heads])
        self.heads = heads
        self.window = window
    }

    /// The tables of relative positions along rows and columns, `[2 S - 1, D / heads]`.
    public var relativePositions: [Parameter] { [relPosH, relPosW] }

    /// - Parameter x: tokens, `[B, H, W, D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        self(x, padding: nil)
    }

    /// - Parameters:
    ///   - x: tokens, `[B, H, W, D]`.
    ///   - padding: the token that fills windows beyond the grid, `[D]`, computed from weights
    ///     alone; nil for zeros.
    /// - Returns: a tensor of the shape of `x`.
    func callAsFunction(_ x: Tensor, padding: Tensor?) -> Tensor {
        let tokens = x.flattened(from: 1, to: 2)
        let mixed =
            window.map { inWindows(tokens, x, size: $0, padding: padding) } ?? everywhere(tokens, x)
        return proj(mixed).reshaped(x.shape)
    }

    private func everywhere(_ tokens: Tensor, _ x: Tensor) -> Tensor {
        let grid = Grid(rows: x.size(1), columns: x.size(2))
        let parts = qkv(tokens).split([x.size(3), 2 * x.size(3)], axis: -1)
        return attend(queries: parts[0], keysAndValues: parts[1], from: grid, to: grid)
    }

    private func inWindows(
        _ tokens: Tensor, _ x: Tensor, size: Int, padding: Tensor?
    ) -> Tensor {
        let (batch, width) = (x.size(0), x.size(3))
        // One token represents all padding: of zeros, its key and value are the bias of qkv, as in
        // the training of the weights.
        let parts = qkvWithPadding(tokens, padding).split([width, 2 * width], axis: -1)
        let partition = WindowPartition(rows: x.size(1), columns: x.size(2), window: size)
        // All groups in one operation; separately, each would have a gradient of the size of all
        // tokens.
        let queries = taken(parts[0], by: partition.groups.map(\.queries))
        let keysAndValues = taken(parts[1], by: partition.groups.map(\.keys))
        let mixed = partition.groups.indices.map { index in
            let group = partition.groups[index]
            let count = group.count * batch
            let attended = attend(
                queries: queries[index].reshaped([count, -1, width]),
                keysAndValues: keysAndValues[index].reshaped([count, -1, 2 * width]),
                from: group.grid, to: .init(rows: size, columns: size))
            return attended.reshaped([batch, -1, width])
        }
        return Tensor.concatenate(mixed, axis: 1)
            .indexed(by: IndexTensors.tensor(of: partition.queryIndices, on: x.device), axis: 1)
    }

    /// Queries, keys and values of all tokens and of one additional token, `[B, T + 1, 3 D]`.
    private func qkvWithPadding(_ tokens: Tensor, _ token: Tensor?) -> Tensor {
        if let token {
            let sources = [token] + qkv.parameters.map(\.value)
            let padding = paddingOutput.value(of: sources) { qkv(token.reshaped([1, 1, -1])) }
            return .concatenate(
                [qkv(tokens), padding.expanded([tokens.size(0), -1, -1])], axis: 1)
        }
        guard Trace.isRecording else {
            let padding = Tensor.zeros(
                [tokens.size(0), 1, tokens.size(2)], dtype: tokens.dtype, device: tokens.device)
            return qkv(.concatenate([tokens, padding], axis: 1))
        }
        // An equivalent without concatenating the input, as quantized layers require; it copies
        // more.
        let padding = qkv.outputForZeros.reshaped([1, 1, -1]).expanded([tokens.size(0), -1, -1])
        return .concatenate([qkv(tokens), padding], axis: 1)
    }

    /// Tokens of each group, `[B, T, D]` for every list of indices along axis 1.
    private func taken(_ x: Tensor, by groups: [[Int]]) -> [Tensor] {
        x.indexed(by: IndexTensors.tensor(of: groups.flatMap(\.self), on: x.device), axis: 1)
            .split(groups.map(\.count), axis: 1)
    }

    /// - Parameters:
    ///   - queries: `[N, T, D]`.
    ///   - keysAndValues: concatenated, `[N, S, 2 D]`.
    ///   - queryGrid: rows and columns of the queries, which begin at the upper left key.
    ///   - keyGrid: rows and columns of the keys.
    /// - Returns: `[N, T, D]`.
    private func attend(
        queries: Tensor, keysAndValues: Tensor, from queryGrid: Grid,
        to keyGrid: Grid
    ) -> Tensor {
        let count = queries.size(0)
        let query = queries.reshaped([count, queryGrid.rows, queryGrid.columns, heads, -1])
        let parts = keysAndValues.reshaped([count, keyGrid.count, 2, heads, -1])
            .permuted([2, 0, 3, 1, 4]).unbound()
        return attention(
            query: RelativePosition.extended(
                query: query, scale: 1 / Double(query.size(4)).squareRoot(),
                rows: relPosH.value, columns: relPosW.value, keys: keyGrid),
            key: parts[0], value: parts[1],
            marks: RelativePosition.marks(of: keyGrid, for: parts[0]))
    }
}

/// Attention whose tables of relative positions have the names of the Medical SAM Adapter.
final class RenamedViTAttention: ViTAttention {
    override class var checkpointNames: [String: String] {
        ["relPosH": "rel_h", "relPosW": "rel_w"]
    }
}

/// Decomposed relative position: the terms that a query adds to its attention scores for a key's
/// distance in rows and in columns (ViTDet, arXiv:2203.16527; segment-anything).
///
/// The sum of both terms is a dot product: of the query's terms for each row and column of keys,
/// and of one-hot vectors of the key's row and column. They are appended to query and key, so that
/// no table of all pairs is needed.
public enum RelativePosition {
    /// A query with its terms for each row and each column of keys appended.
    ///
    /// - Parameters:
    ///   - query: unscaled, `[N, H, W, heads, C]`.
    ///   - scale: factor of the query.
    ///   - rows: table of the rows' distances, `[2 R - 1, C]` for R rows of keys.
    ///   - columns: table of the columns' distances.
    ///   - keys: rows and columns of the keys; the first query is at the position of the first key.
    /// - Returns: `[N, heads, H W, C + R + S]` for R x S keys.
    static func extended(
        query: Tensor, scale: Double, rows: Tensor, columns: Tensor, keys: Grid
    ) -> Tensor {
        let shape = query.shape
        let byRow = products(
            query.permuted([1, 0, 2, 3, 4]),
            vectors(of: rows, queries: shape[1], keys: keys.rows)
        ).permuted([1, 3, 0, 2, 4])
        let byColumn = products(
            query.permuted([2, 0, 1, 3, 4]),
            vectors(of: columns, queries: shape[2], keys: keys.columns)
        ).permuted([1, 3, 2, 0, 4])
        let scaled = query.permuted([0, 3, 1, 2, 4]) * scale
        return Tensor.concatenate([scaled, byRow, byColumn], axis: -1).flattened(from: 2, to: 3)
    }

    /// The columns appended to the keys: a one for the key's row and one for its column.
    ///
    /// - Parameters:
    ///   - grid: rows and columns of the keys, R x S.
    ///   - keys: tensor whose type and device the result has.
    /// - Returns: `[R S, R + S]`.
    static func marks(of grid: Grid, for keys: Tensor) -> Tensor {
        let positions = (0..<grid.count).map { [$0 / grid.columns, $0 % grid.columns + grid.rows] }
        return Tensor.zeros(
            [grid.count, grid.rows + grid.columns], dtype: keys.dtype, device: keys.device
        ).scattered(
            at: IndexTensors.tensor(
                of: positions.flatMap(\.self), shape: [grid.count, 2], on: keys.device), value: 1)
    }

    /// The dot products of each query of a row or column with the vectors of that row or column.
    ///
    /// - Parameters:
    ///   - query: lines first, `[L, N, M, heads, C]`.
    ///   - vectors: `[L, K, C]`.
    /// - Returns: `[L, N, M, heads, K]`.
    private static func products(_ query: Tensor, _ vectors: Tensor) -> Tensor {
        let shape = query.shape
        return query.reshaped([shape[0], -1, shape[4]]).matmul(vectors.transposed(1, 2))
            .reshaped(Array(shape.dropLast()) + [-1])
    }

    /// The rows of a table for all pairs of queries and keys along one axis, `[queries, keys, C]`.
    private static func vectors(of table: Tensor, queries: Int, keys: Int) -> Tensor {
        let indices = (0..<queries).flatMap { query in
            (0..<keys).map { query - $0 + keys - 1 }
        }
        return resized(table, length: 2 * keys - 1)
            .indexed(by: IndexTensors.tensor(of: indices, on: table.device), axis: 0)
            .reshaped([queries, keys, -1])
    }

    /// A table resized to another number of distances by linear interpolation.
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
