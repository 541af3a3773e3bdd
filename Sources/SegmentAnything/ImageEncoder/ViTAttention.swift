import Torch
import TorchNN

/// Attention of SAM's image encoder, with decomposed relative position: among all tokens, or among
/// those of a window.
///
/// Computes what segment-anything computes, with less work: relative position is part of query and
/// key (see ``RelativePosition``), and padding costs nothing (see `WindowPartition`).
public final class ViTAttention: Module, Layer {
    let qkv: Linear
    let proj: Linear
    let relPosH: Parameter
    let relPosW: Parameter
    let heads: Int
    /// Height and width of a window; nil when all tokens attend to all.
    let window: Int?

    /// - Parameters:
    ///   - width: channels in and out, D.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in tokens; nil for attention among all tokens.
    ///   - grid: height and width of all tokens, for which a global attention has its tables.
    public init(width: Int, heads: Int, window: Int?, grid: Int) {
        precondition(width % heads == 0, "\(heads) heads do not divide a width of \(width)")
        qkv = Linear(width, width * 3)
        proj = Linear(width, width)
        let distances = 2 * (window ?? grid) - 1
        relPosH = Parameter(constant: 0, [distances, width / heads])
        relPosW = Parameter(constant: 0, [distances, width / heads])
        self.heads = heads
        self.window = window
    }

    /// - Parameter x: tokens, `[B, H, W, D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let tokens = x.flattened(from: 1, to: 2)
        let mixed = window.map { inWindows(tokens, x, size: $0) } ?? everywhere(tokens, x)
        return proj(mixed).reshaped(x.shape)
    }

    private func everywhere(_ tokens: Tensor, _ x: Tensor) -> Tensor {
        let grid = Grid(rows: x.size(1), columns: x.size(2))
        let parts = qkv(tokens).split([x.size(3), 2 * x.size(3)], axis: -1)
        return attend(queries: parts[0], keysAndValues: parts[1], from: grid, to: grid)
    }

    private func inWindows(_ tokens: Tensor, _ x: Tensor, size: Int) -> Tensor {
        let (batch, width) = (x.size(0), x.size(3))
        // One token of zeros stands for all padding: its key and value are the bias of qkv, which is
        // what the weights were trained with.
        let parts = qkvWithPadding(tokens).split([width, 2 * width], axis: -1)
        let partition = WindowPartition(rows: x.size(1), columns: x.size(2), window: size)
        // All groups at once: each would have a gradient as large as all tokens.
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
            .indexed(by: Tensor(partition.places).to(x.device), axis: 1)
    }

    /// Queries, keys and values of all tokens and of one of zeros after them, `[B, T + 1, 3 D]`.
    private func qkvWithPadding(_ tokens: Tensor) -> Tensor {
        guard Trace.isRecording else {
            let padding = Tensor.zeros(
                [tokens.size(0), 1, tokens.size(2)], dtype: tokens.dtype, device: tokens.device)
            return qkv(.concatenate([tokens, padding], axis: 1))
        }
        // The same; layers in integers want their input unjoined. Not so above: it copies more.
        let padding = qkv.ofZeros.reshaped([1, 1, -1]).expanded([tokens.size(0), -1, -1])
        return .concatenate([qkv(tokens), padding], axis: 1)
    }

    /// Tokens of each group, `[B, T, D]` for every list of places along axis 1.
    private func taken(_ x: Tensor, by groups: [[Int]]) -> [Tensor] {
        x.indexed(by: Tensor(groups.flatMap(\.self)).to(x.device), axis: 1)
            .split(groups.map(\.count), axis: 1)
    }

    /// - Parameters:
    ///   - queries: `[N, T, D]`.
    ///   - keysAndValues: beside each other, `[N, S, 2 D]`.
    ///   - queryGrid: how the queries lie, from the upper left key on.
    ///   - keyGrid: how the keys lie.
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
