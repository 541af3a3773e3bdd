import Torch
import TorchNN

/// The *enhanced transformer context bridge* of MISSFormer: four layers over the tokens of all maps,
/// cut into pieces of 64 channels.
final class MISSFormerBridge: Module {
    let bridgeLayer1: BridgeLayer
    let bridgeLayer2: BridgeLayer
    let bridgeLayer3: BridgeLayer
    let bridgeLayer4: BridgeLayer
    private let sizes: BridgeSizes

    /// - Parameter sides: height and width of the four maps.
    init(sides: [Int]) {
        sizes = BridgeSizes(sides: sides)
        bridgeLayer1 = BridgeLayer(sizes)
        bridgeLayer2 = BridgeLayer(sizes)
        bridgeLayer3 = BridgeLayer(sizes)
        bridgeLayer4 = BridgeLayer(sizes)
    }

    /// - Parameter maps: tokens of the four maps, `[B, T, C]` each.
    /// - Returns: tensors of the same shapes.
    func callAsFunction(_ maps: [Tensor]) -> [Tensor] {
        let pieces = Tensor.concatenate(
            maps.map { $0.reshaped([$0.size(0), -1, BridgeSizes.width]) }, axis: 1)
        let mixed = [bridgeLayer1, bridgeLayer2, bridgeLayer3, bridgeLayer4].reduce(pieces) {
            $1($0)
        }
        return sizes.maps(of: mixed)
    }
}

/// How the pieces of 64 channels make up the four maps.
struct BridgeSizes {
    /// Width of a piece.
    static let width = 64
    /// Height and width of the four maps.
    let sides: [Int]

    /// Number of pieces of each map.
    var counts: [Int] {
        zip(sides, MISSFormer.widths).map { $0 * $0 * $1 / Self.width }
    }

    /// The tokens of each map.
    ///
    /// - Parameter pieces: `[B, pieces, 64]`.
    /// - Returns: `[B, T, C]` for each map.
    func maps(of pieces: Tensor) -> [Tensor] {
        pieces.split(counts, axis: 1).enumerated().map { stage, part in
            part.reshaped([part.size(0), sides[stage] * sides[stage], MISSFormer.widths[stage]])
        }
    }
}

/// Attention of all pieces to a reduced set, and an MLP for each map.
final class BridgeLayer: Module, Layer {
    let norm1: LayerNorm
    let attn: BridgeAttention
    let norm2: LayerNorm
    let mixffn1: MixFFN
    let mixffn2: MixFFN
    let mixffn3: MixFFN
    let mixffn4: MixFFN
    private let sizes: BridgeSizes

    init(_ sizes: BridgeSizes) {
        norm1 = LayerNorm(BridgeSizes.width)
        attn = BridgeAttention(sizes)
        norm2 = LayerNorm(BridgeSizes.width)
        let widths = MISSFormer.widths
        mixffn1 = MixFFN(widths[0], side: sizes.sides[0])
        mixffn2 = MixFFN(widths[1], side: sizes.sides[1])
        mixffn3 = MixFFN(widths[2], side: sizes.sides[2])
        mixffn4 = MixFFN(widths[3], side: sizes.sides[3])
        self.sizes = sizes
    }

    /// - Parameter x: `[B, pieces, 64]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let mixed = x + attn(norm1(x))
        let maps = sizes.maps(of: norm2(mixed))
        let results = zip([mixffn1, mixffn2, mixffn3, mixffn4], maps).map { layer, map in
            layer(map).reshaped([map.size(0), -1, BridgeSizes.width])
        }
        return mixed + .concatenate(results, axis: 1)
    }
}

/// Attention with one head.
final class BridgeAttention: Module, Layer {
    let q: Linear
    let kv: Linear
    let proj: Linear
    let scaleReduce: ScaleReduction

    init(_ sizes: BridgeSizes) {
        let width = BridgeSizes.width
        q = Linear(width, width)
        kv = Linear(width, 2 * width)
        proj = Linear(width, width)
        scaleReduce = ScaleReduction(sizes)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        proj(crossAttention(q(x), kv(scaleReduce(x)), heads: 1))
    }
}

/// The pieces that the attention looks at: those of reduced maps.
final class ScaleReduction: Module, Layer {
    let sr0: Conv2d
    let sr1: Conv2d
    let sr2: Conv2d
    let norm: LayerNorm
    private let sizes: BridgeSizes

    init(_ sizes: BridgeSizes) {
        func reduction(_ stage: Int) -> Conv2d {
            let (width, factor) = (MISSFormer.widths[stage], MISSFormer.reductions[stage])
            return Conv2d(width, width, kernel: factor, stride: factor)
        }
        sr0 = reduction(0)
        sr1 = reduction(1)
        sr2 = reduction(2)
        norm = LayerNorm(BridgeSizes.width)
        self.sizes = sizes
    }

    /// - Parameter x: `[B, pieces, 64]`.
    /// - Returns: `[B, fewer pieces, 64]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let maps = sizes.maps(of: x)
        var pieces = zip([sr0, sr1, sr2], maps).enumerated().map { stage, both in
            let reduced = both.0(
                both.1.map(height: sizes.sides[stage], width: sizes.sides[stage]))
            // The authors cut the channels-first map into 64 rows, whose columns are the pieces.
            return reduced.reshaped([x.size(0), BridgeSizes.width, -1]).transposed(1, 2)
        }
        pieces.append(maps[3].reshaped([x.size(0), -1, BridgeSizes.width]))
        return norm(.concatenate(pieces, axis: 1))
    }
}
