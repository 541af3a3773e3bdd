import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// TransFuse-S (arXiv:2102.08005): eight blocks of DeiT-small beside a ResNet-34, fused at three
/// resolutions.
///
/// The unused class token is in the checkpoints. Two further maps, of the transformer alone and of
/// the coarsest fusion, are what the authors' loss also compares with the label; see
/// ``supervisedMasks(_:)``.
public final class TransFuse: Module, TaskNetwork, DeeplySupervisedNetwork {
    let resnet: ResNet34Encoder
    let transformer: TransFuseTransformer
    let up1: TransFuseUp
    let up2: TransFuseUp
    let finalX: Sequential
    let final1: Sequential
    let final2: Sequential
    let fusion: BiFusion
    let fusion1: BiFusion
    let join1: TransFuseUp
    let fusion2: BiFusion
    let join2: TransFuseUp
    private let dropout: Dropout2d
    /// Channels of the logits, see ``TaskNetwork/outputs``.
    public let outputs: Int

    /// The authors' names that differ.
    public override class var checkpointNames: [String: String] {
        [
            "final1": "final_1", "final2": "final_2", "fusion": "up_c", "fusion1": "up_c_1_1",
            "join1": "up_c_1_2", "fusion2": "up_c_2_1", "join2": "up_c_2_2",
        ]
    }

    /// A network with new weights.
    ///
    /// - Parameters:
    ///   - tokens: number of patches of 16 x 16 pixels in an image.
    ///   - dropout: share of channels that dropout zeroes in training; half of it in the fusion.
    ///   - outputs: channels of the logits.
    public init(tokens: Int = 256, dropout: Double = 0.2, outputs: Int = 1) {
        self.outputs = outputs
        resnet = ResNet34Encoder(isWhole: false)
        transformer = TransFuseTransformer(tokens: tokens)
        up1 = TransFuseUp(384, 128)
        up2 = TransFuseUp(128, 64)
        finalX = Sequential(
            TransFuseConvolution(256, 64, kernel: 1, hasReLU: true),
            TransFuseConvolution(64, 64, kernel: 3, hasReLU: true),
            TransFuseConvolution(64, outputs, kernel: 3, hasNorm: false))
        (final1, final2) = (Self.head(outputs), Self.head(outputs))
        fusion = BiFusion(256, 384, reduction: 4, dropout: dropout / 2)
        fusion1 = BiFusion(128, 128, reduction: 2, dropout: dropout / 2)
        join1 = TransFuseUp(256, 128, skip: 128)
        fusion2 = BiFusion(64, 64, reduction: 1, dropout: dropout / 2)
        join2 = TransFuseUp(128, 64, skip: 64)
        self.dropout = Dropout2d(dropout)
        super.init()
        let new: [Module] = [
            up1, up2, finalX, final1, final2, fusion, fusion1, join1, fusion2, join2,
        ]
        for module in new {
            module.setToNormal { (2 / Double($0.dropFirst().reduce(1, *))).squareRoot() }
        }
        transformer.setToNormal()
    }

    private static func head(_ outputs: Int) -> Sequential {
        Sequential(
            TransFuseConvolution(64, 64, kernel: 3, hasReLU: true),
            TransFuseConvolution(64, outputs, kernel: 3, hasNorm: false))
    }

    /// The registry's entry.
    public static var architecture: ModelArchitecture { .transFuse }

    /// A network with new weights.
    public static func make(_ configuration: ModelConfiguration) -> any SegmentationNetwork {
        TransFuse(outputs: configuration.outputs)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, 256, 256]`.
    /// - Returns: logits of the joint map, `[B, outputs, 256, 256]`.
    public func logits(_ images: Tensor) -> Tensor {
        final2(features(images).joint).enlarged(by: 4)
    }

    /// - Parameter images: grey values in 0..1, `[B, 1, H, W]` with as many patches as there are
    ///   tokens.
    /// - Returns: logits of the coarsest fusion, the transformer and the joint map, `[B, 1, H, W]`
    ///   each.
    func allLogits(_ images: Tensor) -> [Tensor] {
        let found = features(images)
        return [
            finalX(found.fused).enlarged(by: 16), final1(found.transformer).enlarged(by: 4),
            final2(found.joint).enlarged(by: 4),
        ]
    }

    /// The joint map, that of the transformer and that of the coarsest fusion, with the weights of the
    /// authors' loss.
    public func supervisedMasks(_ images: Tensor) -> [(masks: DecodedMasks, weight: Double)] {
        zip(allLogits(images).reversed(), [0.5, 0.3, 0.2]).map { (masks($0), $1) }
    }

    /// The maps in front of the three heads.
    private func features(
        _ images: Tensor
    ) -> (fused: Tensor, transformer: Tensor, joint: Tensor) {
        let colours = images.repeatedChannels
        let tokens = transformer(colours)
        let t0 = dropout(
            tokens.map(height: colours.size(2) / 16, width: colours.size(3) / 16))
        let t1 = dropout(up1(t0))
        let t2 = dropout(up2(t1))
        let stem = maxPool2d(
            relu(resnet.bn1(resnet.conv1(colours))), size: 3, stride: 2, padding: 1)
        let c2 = dropout(resnet.layer1(stem))
        let c1 = dropout(resnet.layer2(c2))
        let c0 = dropout(resnet.layer3(c1))
        let fused = fusion(cnn: c0, transformer: t0)
        let joint1 = join1(fused, skip: fusion1(cnn: c1, transformer: t1))
        let joint2 = join2(joint1, skip: fusion2(cnn: c2, transformer: t2))
        return (fused, t2, joint2)
    }
}

/// The first eight blocks of DeiT-small.
final class TransFuseTransformer: Module, Layer {
    let clsToken: Parameter
    let posEmbed: Parameter
    let patchEmbed: PatchEmbedding
    let blocks: [VisionTransformerBlock]
    let norm: LayerNorm

    init(tokens: Int) {
        clsToken = Parameter(normal: [1, 1, 384])
        posEmbed = Parameter(normal: [1, tokens, 384])
        patchEmbed = PatchEmbedding(size: 16, width: 384)
        blocks = (0..<8).map { _ in VisionTransformerBlock(width: 384, heads: 6) }
        norm = LayerNorm(384, epsilon: 1e-6)
    }

    /// - Parameter x: `[B, 3, H, W]`.
    /// - Returns: tokens, `[B, T, 384]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        norm(blocks.reduce(patchEmbed(x) + posEmbed.value) { $1($0) })
    }
}

/// Convolution with bias, and a batch norm and ReLU where there are any.
final class TransFuseConvolution: Module, Layer {
    let conv: Conv2d
    let bn: BatchNorm2d?
    private let hasReLU: Bool

    init(
        _ inputs: Int, _ outputs: Int, kernel: Int, hasNorm: Bool = true, hasReLU: Bool = false,
        bias: Bool = true
    ) {
        conv = Conv2d(inputs, outputs, kernel: kernel, padding: kernel / 2, bias: bias)
        bn = hasNorm ? BatchNorm2d(outputs) : nil
        self.hasReLU = hasReLU
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = conv(x)
        let normed = bn?(y) ?? y
        return hasReLU ? relu(normed) : normed
    }
}

/// Fuses a map of the CNN and one of the transformer.
final class BiFusion: Module {
    let fc1: Conv2d
    let fc2: Conv2d
    let spatial: TransFuseConvolution
    let ofCNN: TransFuseConvolution
    let ofTransformer: TransFuseConvolution
    let product: TransFuseConvolution
    let residual: PreActivationResidual
    private let dropout: Dropout2d

    override class var checkpointNames: [String: String] {
        ["ofCNN": "W_g", "ofTransformer": "W_x", "product": "W"]
    }

    /// - Parameters:
    ///   - cnn: channels of the CNN's map and of the result.
    ///   - transformer: channels of the transformer's map.
    ///   - reduction: by which these are reduced inside their weighting.
    ///   - dropout: share of the result's channels that dropout zeroes.
    init(_ cnn: Int, _ transformer: Int, reduction: Int, dropout: Double) {
        fc1 = Conv2d(transformer, transformer / reduction, kernel: 1)
        fc2 = Conv2d(transformer / reduction, transformer, kernel: 1)
        spatial = TransFuseConvolution(2, 1, kernel: 7, bias: false)
        ofCNN = TransFuseConvolution(cnn, cnn, kernel: 1)
        ofTransformer = TransFuseConvolution(transformer, cnn, kernel: 1)
        product = TransFuseConvolution(cnn, cnn, kernel: 3, hasReLU: true)
        residual = PreActivationResidual(cnn + transformer + cnn, cnn)
        self.dropout = Dropout2d(dropout)
    }

    /// - Parameters:
    ///   - cnn: `[B, C, H, W]`.
    ///   - transformer: `[B, D, H, W]`.
    /// - Returns: `[B, C, H, W]`.
    func callAsFunction(cnn: Tensor, transformer: Tensor) -> Tensor {
        let bilinearPooling = product(ofCNN(cnn) * ofTransformer(transformer))
        let summary = Tensor.concatenate(
            [cnn.max(axes: [1], keepingAxes: true), cnn.mean(axes: [1], keepingAxes: true)],
            axis: 1)
        let pixels = sigmoid(spatial(summary)) * cnn
        let mean = transformer.mean(axes: [2, 3], keepingAxes: true)
        let channels = sigmoid(fc2(relu(fc1(mean)))) * transformer
        return dropout(residual(.concatenate([pixels, channels, bilinearPooling], axis: 1)))
    }
}

/// A bottleneck with batch norm and ReLU in front of each convolution, beside a 1x1 convolution.
final class PreActivationResidual: Module, Layer {
    let bn1: BatchNorm2d
    let conv1: TransFuseConvolution
    let bn2: BatchNorm2d
    let conv2: TransFuseConvolution
    let bn3: BatchNorm2d
    let conv3: TransFuseConvolution
    let skipLayer: TransFuseConvolution

    init(_ inputs: Int, _ outputs: Int) {
        let inside = outputs / 2
        bn1 = BatchNorm2d(inputs)
        conv1 = TransFuseConvolution(inputs, inside, kernel: 1, hasNorm: false)
        bn2 = BatchNorm2d(inside)
        conv2 = TransFuseConvolution(inside, inside, kernel: 3, hasNorm: false)
        bn3 = BatchNorm2d(inside)
        conv3 = TransFuseConvolution(inside, outputs, kernel: 1, hasNorm: false)
        skipLayer = TransFuseConvolution(inputs, outputs, kernel: 1, hasNorm: false)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let first = conv1(relu(bn1(x)))
        return conv3(relu(bn3(conv2(relu(bn2(first)))))) + skipLayer(x)
    }
}

/// Enlarges a map; where there is a skip connection, gates it with the enlarged map and joins both.
final class TransFuseUp: Module, Layer {
    let conv: TransFuseBlock
    let attnBlock: TransFuseGate?

    /// - Parameters:
    ///   - inputs: channels of the smaller map.
    ///   - outputs: channels out.
    ///   - skip: channels of the skip connection; 0 without one.
    init(_ inputs: Int, _ outputs: Int, skip: Int = 0) {
        conv = TransFuseBlock(inputs + skip, outputs)
        attnBlock = skip > 0 ? TransFuseGate(gating: inputs, skip) : nil
    }

    /// - Parameter x: `[B, C, H, W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        conv(x.enlarged(by: 2))
    }

    /// - Parameters:
    ///   - x: `[B, C, H, W]`.
    ///   - skip: `[B, D, 2 H, 2 W]`.
    /// - Returns: `[B, outputs, 2 H, 2 W]`.
    func callAsFunction(_ x: Tensor, skip: Tensor) -> Tensor {
        let larger = x.enlarged(by: 2)
        let gated = attnBlock?(skip, gating: larger) ?? skip
        return conv(.concatenate([gated, larger], axis: 1))
    }
}

/// Two 3x3 convolutions beside a 1x1 convolution.
final class TransFuseBlock: Module, Layer {
    let doubleConv: Sequential
    let identity: Sequential

    init(_ inputs: Int, _ outputs: Int) {
        doubleConv = Sequential(
            Conv2d(inputs, outputs, kernel: 3, padding: 1), BatchNorm2d(outputs), ReLU(),
            Conv2d(outputs, outputs, kernel: 3, padding: 1), BatchNorm2d(outputs))
        identity = Sequential(Conv2d(inputs, outputs, kernel: 1), BatchNorm2d(outputs))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        relu(doubleConv(x) + identity(x))
    }
}

/// An additive gate: multiplies each pixel by a number in 0..1.
final class TransFuseGate: Module {
    let ofGating: Sequential
    let ofSkip: Sequential
    let psi: Sequential

    override class var checkpointNames: [String: String] { ["ofGating": "W_g", "ofSkip": "W_x"] }

    init(gating: Int, _ skip: Int) {
        ofGating = Sequential(Conv2d(gating, skip, kernel: 1), BatchNorm2d(skip))
        ofSkip = Sequential(Conv2d(skip, skip, kernel: 1), BatchNorm2d(skip))
        psi = Sequential(Conv2d(skip, 1, kernel: 1), BatchNorm2d(1), Sigmoid())
    }

    func callAsFunction(_ x: Tensor, gating: Tensor) -> Tensor {
        x * psi(relu(ofGating(gating) + ofSkip(x)))
    }
}
