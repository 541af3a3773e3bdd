import Torch
import TorchNN

/// A block of SAM's image encoder: attention and an MLP, each with a norm before it and a skip
/// connection.
final class ViTBlock: Module, Layer {
    let norm1: LayerNorm
    let attn: ViTAttention
    let norm2: LayerNorm
    let mlp: ViTMLP

    /// - Parameters:
    ///   - width: channels in and out, D.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in tokens; nil for attention among all tokens.
    ///   - grid: height and width of all tokens.
    init(width: Int, heads: Int, window: Int?, grid: Int) {
        norm1 = LayerNorm(width, epsilon: 1e-6)
        attn = ViTAttention(width: width, heads: heads, window: window, grid: grid)
        norm2 = LayerNorm(width, epsilon: 1e-6)
        mlp = ViTMLP(width: width)
    }

    /// - Parameter x: tokens, `[B, H, W, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let attended = x + attn(norm1(x))
        return attended + mlp(norm2(attended))
    }
}

/// Two linear layers with GELU between, four times as wide inside.
public final class ViTMLP: Module, Layer {
    let lin1: Linear
    let lin2: Linear

    /// - Parameter width: channels in and out, D.
    public init(width: Int) {
        lin1 = Linear(width, width * 4)
        lin2 = Linear(width * 4, width)
    }

    /// - Parameter x: `[..., D]`.
    /// - Returns: a tensor of the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        lin2(lin1(x, activation: .gelu))
    }
}

/// Partition of a grid of tokens into square windows, without queries for padding.
///
/// Windows at the right and lower edge extend beyond the grid. segment-anything pads them with
/// zeros and computes all padding tokens; here only tokens of the grid are queries, and all keys
/// outside the grid are one shared padding token.
struct WindowPartition {
    /// Windows with the same number of rows and columns inside the grid.
    struct Group {
        /// Number of windows.
        let count: Int
        /// Rows and columns of each window inside the grid.
        let grid: Grid
        /// Tokens inside the grid, window after window, row-major.
        let queries: [Int]
        /// All tokens of the windows; the padding token has the number of tokens as its index.
        let keys: [Int]
    }

    /// At most four: inside, at the right edge, at the lower edge, in the corner.
    let groups: [Group]
    /// The index of each token among the queries of all groups.
    let queryIndices: [Int]

    /// - Parameters:
    ///   - rows: rows of the grid.
    ///   - columns: columns of the grid.
    ///   - window: height and width of a window.
    init(rows: Int, columns: Int, window: Int) {
        let bands = (Self.bands(rows, window), Self.bands(columns, window))
        var groups: [Group] = []
        for (height, tops) in bands.0 {
            for (width, lefts) in bands.1 {
                let corners = tops.flatMap { top in lefts.map { (top, $0) } }
                func tokens(_ height: Int, _ width: Int) -> [Int] {
                    corners.flatMap { top, left in
                        (top..<top + height).flatMap { row in
                            (left..<left + width).map { column in
                                row < rows && column < columns
                                    ? row * columns + column : rows * columns
                            }
                        }
                    }
                }
                groups.append(
                    Group(
                        count: corners.count, grid: Grid(rows: height, columns: width),
                        queries: tokens(height, width), keys: tokens(window, window)))
            }
        }
        self.groups = groups
        var queryIndices = [Int](repeating: 0, count: rows * columns)
        for (index, token) in groups.flatMap(\.queries).enumerated() {
            queryIndices[token] = index
        }
        self.queryIndices = queryIndices
    }

    /// Whole windows along an axis, and the one that extends beyond the end.
    private static func bands(_ length: Int, _ window: Int) -> [(size: Int, starts: [Int])] {
        let whole = length / window
        let rest = length % window
        return [
            (window, (0..<whole).map { $0 * window }),
            (rest, rest > 0 ? [whole * window] : []),
        ].filter { !$0.starts.isEmpty }
    }
}
