import Torch
import TorchNN

/// A block of Swin Transformer (arXiv:2103.14030): attention in windows, which every second block
/// shifts by half a window.
///
/// Where the map is no larger than the window, the window is the map, and nothing is shifted.
final class SwinBlock: Module, Layer {
    let attnMask: Buffer?
    let norm1: LayerNorm
    let attn: SwinAttention
    let norm2: LayerNorm
    let mlp: any Layer
    private let dropPath: DropPath
    private let side: Int
    private let window: Int
    private let shift: Int

    /// - Parameters:
    ///   - width: channels, C.
    ///   - side: height and width of the map.
    ///   - heads: attention heads.
    ///   - window: height and width of a window.
    ///   - isShifted: whether the windows are shifted.
    ///   - dropPath: share of the samples whose branches are left out in training.
    ///   - mlp: the layers behind the attention.
    init(
        width: Int, side: Int, heads: Int, window: Int, isShifted: Bool, dropPath: Double,
        mlp: any Layer
    ) {
        let window = min(window, side)
        let shift = isShifted && window < side ? window / 2 : 0
        attnMask =
            shift > 0 ? Buffer(Self.mask(side: side, window: window, shift: shift)) : nil
        norm1 = LayerNorm(width)
        attn = SwinAttention(width: width, heads: heads, window: window)
        norm2 = LayerNorm(width)
        self.mlp = mlp
        self.dropPath = DropPath(dropPath)
        (self.side, self.window, self.shift) = (side, window, shift)
    }

    /// - Parameter x: tokens of a map, `[B, side side, C]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = x + dropPath(attend(norm1(x)))
        return mixed + dropPath(mlp(norm2(mixed)))
    }

    private func attend(_ tokens: Tensor) -> Tensor {
        let (batch, width, count) = (tokens.size(0), tokens.size(2), side / window)
        var map = tokens.reshaped([batch, side, side, width])
        if shift > 0 { map = map.rolled(by: [-shift, -shift], axes: [1, 2]) }
        let windows = map.reshaped([batch, count, window, count, window, width])
            .permuted([0, 1, 3, 2, 4, 5])
            .reshaped([batch * count * count, window * window, width])
        var result = attn(windows, mask: attnMask?.value)
            .reshaped([batch, count, count, window, window, width])
            .permuted([0, 1, 3, 2, 4, 5])
            .reshaped([batch, side, side, width])
        if shift > 0 { result = result.rolled(by: [shift, shift], axes: [1, 2]) }
        return result.reshaped([batch, side * side, width])
    }

    /// -100 between the pixels of a window that are no neighbours before the shift, else 0,
    /// `[windows, T, T]`.
    private static func mask(side: Int, window: Int, shift: Int) -> Tensor {
        let count = side / window
        // Along each axis: pixels before the last window, those of it, and those shifted around.
        let regions = (0..<side).map { $0 < side - window ? 0 : $0 < side - shift ? 1 : 2 }
        var numbers: [Float] = []
        for place in 0..<side * side {
            // In the order of windows, then of the pixels of a window.
            let (cell, pixel) = (place / (window * window), place % (window * window))
            let row = cell / count * window + pixel / window
            let column = cell % count * window + pixel % window
            numbers.append(Float(3 * regions[row] + regions[column]))
        }
        let region = Tensor(numbers, shape: [count * count, window * window])
        return (region.unsqueezed(1) .!= region.unsqueezed(2)).to(.float32) * -100
    }
}

/// Attention in a window, with a learned bias for each distance of two pixels.
final class SwinAttention: Module {
    let relativePositionBiasTable: Parameter
    let relativePositionIndex: Buffer
    let qkv: Linear
    let proj: Linear
    private let heads: Int
    private let biases = CachedTensor()

    /// - Parameters:
    ///   - width: channels, C.
    ///   - heads: attention heads.
    ///   - window: height and width of a window.
    init(width: Int, heads: Int, window: Int) {
        let distances = 2 * window - 1
        relativePositionBiasTable = Parameter(constant: 0, [distances * distances, heads])
        let places = (0..<window * window).map { (row: $0 / window, column: $0 % window) }
        relativePositionIndex = Buffer(
            Tensor(
                places.flatMap { one in
                    places.map { other in
                        Int64(
                            (one.row - other.row + window - 1) * distances + one.column
                                - other.column + window - 1)
                    }
                }
            ).reshaped([places.count, places.count]))
        qkv = Linear(width, 3 * width)
        proj = Linear(width, width)
        self.heads = heads
    }

    /// - Parameters:
    ///   - x: windows, `[B windows, T, C]`.
    ///   - mask: added to the scores of each window, `[windows, T, T]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor, mask: Tensor?) -> Tensor {
        let (count, tokens, width) = (x.size(0), x.size(1), x.size(2))
        let parts = qkv(x).split([width, width, width], axis: 2).map { $0.splitHeads(heads) }
        let scale = 1 / Double(width / heads).squareRoot()
        var scores = (parts[0] * scale).matmul(parts[1].transposed(2, 3)) + bias(tokens)
        if let mask {
            let windows = mask.size(0)
            scores =
                (scores.reshaped([count / windows, windows, heads, tokens, tokens])
                + mask.unsqueezed(1).unsqueezed(0))
                .reshaped([count, heads, tokens, tokens])
        }
        let mixed = scores.softmax(axis: 3).matmul(parts[2])
        return proj(mixed.transposed(1, 2).flattened(from: 2))
    }

    /// The bias of each pair of pixels, `[1, heads, T, T]`.
    private func bias(_ tokens: Int) -> Tensor {
        let table = relativePositionBiasTable.value
        return biases.value(of: [table]) {
            table.indexed(by: relativePositionIndex.value.reshaped([-1]), axis: 0)
                .reshaped([tokens, tokens, heads]).permuted([2, 0, 1]).unsqueezed(0).contiguous()
        }
    }
}
