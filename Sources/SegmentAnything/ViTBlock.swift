import Segmentation
import Torch
import TorchNN

/// A block of SAM's image encoder: attention and an MLP, each with a norm before it and a skip
/// connection; with an adapter, trained layers behind the attention or beside the MLP.
final class ViTBlock: Module, Layer, AdaptedModule {
    let norm1: LayerNorm
    let attn: ViTAttention
    let norm2: LayerNorm
    let mlp: ViTMLP
    /// Behind the attention, with a skip connection.
    let spaceAdapter: FeatureAdapter?
    /// Beside the MLP, at half weight.
    let mlpAdapter: FeatureAdapter?
    /// For volumes in the authors' program; not used for images.
    let depthAdapter: FeatureAdapter?
    let convolutionAdapter: ConvolutionAdapter?

    /// The authors' names.
    override class var checkpointNames: [String: String] {
        [
            "spaceAdapter": "Space_Adapter", "mlpAdapter": "MLP_Adapter",
            "depthAdapter": "Depth_Adapter", "convolutionAdapter": "Adapter",
        ]
    }

    /// - Parameters:
    ///   - sizes: width, heads and adapter.
    ///   - window: height and width of a window in tokens; nil for attention among all tokens.
    ///   - grid: height and width of all tokens.
    ///   - form: how the tensors are named.
    init(_ sizes: SAMConfiguration, window: Int?, grid: Int, form: SAMTensorForm = .sam) {
        let width = sizes.width
        let attention: ViTAttention.Type =
            form == .msa ? RenamedViTAttention.self : ViTAttention.self
        var rank: Int?
        if case .lowRank(let found) = sizes.adapter { rank = found }
        norm1 = LayerNorm(width, epsilon: 1e-6)
        attn = attention.init(
            width: width, heads: sizes.heads, window: window, grid: grid, rank: rank)
        norm2 = LayerNorm(width, epsilon: 1e-6)
        mlp = ViTMLP(width: width)
        let hasBottlenecks = sizes.adapter == .bottleneck
        spaceAdapter = hasBottlenecks ? FeatureAdapter(width: width) : nil
        mlpAdapter = hasBottlenecks ? FeatureAdapter(width: width, skip: false) : nil
        depthAdapter = hasBottlenecks ? FeatureAdapter(width: width) : nil
        convolutionAdapter = sizes.adapter == .convolution ? ConvolutionAdapter(width: width) : nil
    }

    var addedParameters: [Parameter] {
        [spaceAdapter, mlpAdapter, depthAdapter, convolutionAdapter].compactMap { $0 as Module? }
            .flatMap(\.parameters)
    }

    /// - Parameter x: tokens, `[B, H, W, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        var mixed: Tensor
        if let spaceAdapter {
            // The authors normalize after cutting windows: padding tokens become the norm's bias.
            mixed = spaceAdapter(attn(norm1(x), padding: norm1.outputForZeros))
        } else {
            mixed = attn(norm1(x))
        }
        mixed = x + mixed
        let normed = norm2(mixed)
        var result = mixed + mlp(normed)
        if let mlpAdapter { result = result.adding(mlpAdapter(normed), times: 0.5) }
        if let convolutionAdapter { result = result + convolutionAdapter(normed) }
        return result
    }
}

/// The adapter of SAM-Med2D (arXiv:2308.16184): a gate for each channel, then two convolutions at
/// half the resolution and back.
final class ConvolutionAdapter: Module, Layer {
    let norm: LayerNorm
    let channel: Sequential
    let spatial: Sequential

    /// - Parameter width: channels in and out, D.
    init(width: Int) {
        norm = LayerNorm(width)
        channel = Sequential(
            Linear(width, width / 4, bias: false), ReLU(),
            Linear(width / 4, width, bias: false), Sigmoid())
        spatial = Sequential(
            Conv2d(width, width, kernel: 3, stride: 2, padding: 1, bias: false), ReLU(),
            ConvTranspose2d(width, width, kernel: 4, stride: 2, padding: 1, bias: false), ReLU())
    }

    /// - Parameter x: tokens, `[B, H, W, D]`; H and W are even.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let gated = x * channel(x.mean(axes: [1, 2], keepingAxes: true))
        return norm(x + spatial(gated.permuted([0, 3, 1, 2])).permuted([0, 2, 3, 1]))
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
