import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// SETR (arXiv:2012.15840), as the SAMUS authors' group wrote it for ConvFormer: a vision transformer
/// on patches of 8x8 pixels and a convolutional decoder.
public final class SETR: Module, TaskNetwork {
    /// Pixels of a patch along each side.
    private static let patch = 8
    private static let width = 512

    let posEmbedding: Parameter
    let toPatchEmbedding: Sequential
    let transformer: SETRTransformer
    let decoder: Sequential
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int
    private let dropout: Dropout

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - dropout: share of elements that dropout zeroes in training.
    ///   - outputs: channels of the logits.
    public init(dropout: Double = 0.1, outputs: Int = 1) {
        self.outputs = outputs
        let side = 256 / Self.patch
        posEmbedding = Parameter(normal: [1, side * side, Self.width])
        toPatchEmbedding = Sequential(
            SETRPatches(size: Self.patch), Linear(Self.patch * Self.patch, Self.width))
        transformer = SETRTransformer(width: Self.width, depth: 12, dropout: dropout)
        decoder = Sequential(
            Conv2d(Self.width, 128, kernel: 3, padding: 1, bias: false), BatchNorm2d(128), ReLU(),
            Upsample(2),
            Conv2d(128, 128, kernel: 3, padding: 1, bias: false), BatchNorm2d(128), ReLU(),
            Upsample(2), Conv2d(128, outputs, kernel: 1), Upsample(2))
        self.dropout = Dropout(dropout)
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .setr }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        SETR(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, 256, 256]`.
    /// - Returns: logits, `[B, outputs, 256, 256]`.
    public func logits(_ images: Tensor) -> Tensor {
        let (height, width) = (images.size(2) / Self.patch, images.size(3) / Self.patch)
        let tokens = dropout(toPatchEmbedding(images) + posEmbedding.value)
        return decoder(transformer(tokens).map(height: height, width: width))
    }
}

/// Cuts an image into patches: rows of a patch's pixels, channels last.
final class SETRPatches: Module, Layer {
    private let size: Int

    init(size: Int) {
        self.size = size
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, (H / size) (W / size), size size C]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let (channels, rows, columns) = (x.size(1), x.size(2) / size, x.size(3) / size)
        return x.reshaped([x.size(0), channels, rows, size, columns, size])
            .permuted([0, 2, 4, 3, 5, 1])
            .reshaped([x.size(0), rows * columns, size * size * channels])
    }
}

/// Layers of attention and MLP.
final class SETRTransformer: Module, Layer {
    let layers: [Sequential]

    init(width: Int, depth: Int, dropout: Double) {
        layers = (0..<depth).map { _ in
            Sequential(
                SETRBranch(width, SETRAttention(width, dropout: dropout)),
                SETRBranch(width, SETRMLP(width, dropout: dropout)))
        }
    }

    /// - Parameter x: `[B, T, D]`.
    /// - Returns: a tensor of the same shape.
    func callAsFunction(_ x: Tensor) -> Tensor {
        layers.reduce(x) { $1($0) }
    }
}

/// `x + f(norm(x))`.
final class SETRBranch: Module, Layer {
    let norm: LayerNorm
    let function: any Layer

    override class var checkpointNames: [String: String] { ["function": "fn"] }

    init(_ width: Int, _ function: any Layer) {
        norm = LayerNorm(width)
        self.function = function
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        x + function(norm(x))
    }
}

/// Attention of eight heads of 64 channels.
final class SETRAttention: Module, Layer {
    let toQkv: Linear
    let toOut: Sequential
    private static let heads = 8

    init(_ width: Int, dropout: Double) {
        toQkv = Linear(width, 3 * width, bias: false)
        toOut = Sequential(Linear(width, width), Dropout(dropout))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        toOut(selfAttention(toQkv(x), heads: Self.heads))
    }
}

/// Two linear layers with ReLU.
final class SETRMLP: Module, Layer {
    let net: Sequential

    init(_ width: Int, dropout: Double) {
        net = Sequential(
            Linear(width, 4 * width), ReLU(), Dropout(dropout), Linear(4 * width, width),
            Dropout(dropout))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        net(x)
    }
}
