import Torch
import TorchNN

/// Attention in windows, a 3x3 convolution in each channel, and an MLP.
final class TinyViTBlock: Module, Layer {
    let attn: WindowAttention
    let localConv: ConvBatchNorm
    let mlp: NormedMLP
    let window: Int

    /// - Parameters:
    ///   - width: channels in and out, C.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in cells.
    ///   - rank: of LoRA on queries and values; nil for none.
    init(width: Int, heads: Int, window: Int, rank: Int? = nil) {
        attn = WindowAttention(width: width, heads: heads, window: window, rank: rank)
        localConv = ConvBatchNorm(width, width, kernel: 3, padding: 1, groups: width)
        mlp = NormedMLP(width: width, inside: width * 4)
        self.window = window
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let tokens = x.permuted([0, 2, 3, 1])
        let attended = tokens + inWindows(tokens) { attn($0) }
        let mixed = localConv(attended.permuted([0, 3, 1, 2])).permuted([0, 2, 3, 1])
        return (mixed + mlp(mixed)).permuted([0, 3, 1, 2])
    }

    /// Cuts tokens into windows, zero-padded at the right and below, and joins the results.
    ///
    /// - Parameters:
    ///   - tokens: `[B, H, W, C]`.
    ///   - body: `[B windows, window^2, C]` to the same shape.
    /// - Returns: `[B, H, W, C]`.
    private func inWindows(_ tokens: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
        let (batch, height, width) = (tokens.size(0), tokens.size(1), tokens.size(2))
        let rows = (height + window - 1) / window
        let columns = (width + window - 1) / window
        let missing = (rows * window - height, columns * window - width)
        let padded =
            missing == (0, 0) ? tokens : tokens.padded([0, 0, 0, missing.1, 0, missing.0])
        let windows =
            padded
            .reshaped([batch, rows, window, columns, window, -1])
            .transposed(2, 3)
            .reshaped([batch * rows * columns, window * window, -1])
        return body(windows)
            .reshaped([batch, rows, columns, window, window, -1])
            .transposed(2, 3)
            .reshaped([batch, rows * window, columns * window, -1])[
                .all, 0..<height, 0..<width]
    }
}

/// Attention among the cells of a window, with a learned bias for each distance.
package final class WindowAttention: Module, Layer {
    /// Name of the biases in this module.
    package static let biasesName = "attention_biases"

    let norm: LayerNorm
    let qkv: any QueryKeyValueLayer
    let proj: Linear
    let attentionBiases: Parameter
    let heads: Int
    /// For each pair of cells, the index of its distance in the biases, `[window^4]`.
    let distances: Buffer
    private let biases = CachedTensor()

    /// The bias of each pair of cells, `[1, heads, T, T]`, where it is cached, and the row of each
    /// pair in the table of biases, `[T * T]`.
    package var cachedBiases: (biases: Tensor, rows: Tensor)? {
        biases.cached.map { ($0, distances.value) }
    }

    /// - Parameters:
    ///   - width: channels in and out, C.
    ///   - heads: attention heads.
    ///   - window: height and width of a window in cells.
    ///   - rank: of LoRA on queries and values; nil for none.
    init(width: Int, heads: Int, window: Int, rank: Int? = nil) {
        norm = LayerNorm(width)
        qkv = queryKeyValueLayer(width: width, rank: rank, order: .byHead(heads))
        proj = Linear(width, width)
        self.heads = heads
        attentionBiases = Parameter(constant: 0, [heads, window * window])
        distances = Buffer(Self.distances(window: window), isSaved: false)
    }

    /// - Parameter x: windows, `[B, T, C]`.
    /// - Returns: a tensor of the same shape.
    package func callAsFunction(_ x: Tensor) -> Tensor {
        let (batch, count) = (x.size(0), x.size(1))
        // The query, key and value of a head are adjacent.
        let parts = qkv(norm(x)).reshaped([batch, count, heads, 3, -1]).permuted([3, 0, 2, 1, 4])
        let bias = biases.value(of: [attentionBiases.value]) {
            attentionBiases.value.indexed(by: distances.value, axis: 1)
                .reshaped([1, heads, count, count])
        }
        let attended = scaledDotProductAttention(
            query: parts[0], key: parts[1], value: parts[2], mask: bias)
        return proj(attended.transposed(1, 2).flattened(from: 2))
    }

    /// Distances are numbered in the order of their first occurrence in row-major pairs of cells.
    private static func distances(window: Int) -> Tensor {
        struct Distance: Hashable {
            let rows, columns: Int
        }
        var numbers: [Distance: Int] = [:]
        var indices: [Int] = []
        let cells = 0..<window * window
        for first in cells {
            for second in cells {
                let distance = Distance(
                    rows: abs(first / window - second / window),
                    columns: abs(first % window - second % window))
                let number = numbers[distance] ?? numbers.count
                numbers[distance] = number
                indices.append(number)
            }
        }
        return Tensor(indices)
    }
}

/// A layer norm and two linear layers with GELU between.
final class NormedMLP: Module, Layer {
    let norm: LayerNorm
    let fc1: Linear
    let fc2: Linear

    /// - Parameters:
    ///   - width: channels in and out.
    ///   - inside: channels between.
    init(width: Int, inside: Int) {
        norm = LayerNorm(width)
        fc1 = Linear(width, inside)
        fc2 = Linear(inside, width)
    }

    /// - Parameter x: `[..., C]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        fc2(fc1(norm(x), activation: .gelu))
    }
}
