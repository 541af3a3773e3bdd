import Foundation
import Imaging
import TestSupport
import Testing
import Torch
import TorchNN

@testable import Baselines

/// A comparison network and where the values of its authors' program are.
struct BaselineCase: Sendable, CustomTestStringConvertible {
    /// How much a gradient norm may differ, by the layers of the network: rounding flips a ReLU or the
    /// place of a maximum here and there.
    enum Rounding: Double, Sendable {
        /// Layer norm and GELU.
        case smooth = 1e-4
        /// Few ReLUs.
        case mixed = 1e-3
        /// Batch norm, ReLU and max pooling.
        case flipping = 2e-2
        /// The same, where the values to compare with are float32 too.
        case flippingTwice = 5e-2
    }

    let folder: String
    let tag: String
    let rounding: Rounding
    /// Relative L2 difference that a stage may have.
    let stageTolerance: Double
    /// Makes the network without dropout.
    let make: @Sendable () -> any TaskNetwork
    /// The logits that the authors' program computes; several of them in training.
    let outputs: @Sendable (any TaskNetwork, Tensor) -> [Tensor]

    var testDescription: String { folder + tag }

    init(
        _ folder: String, tag: String = "", _ rounding: Rounding,
        stageTolerance: Double = 3e-5,
        outputs: @escaping @Sendable (any TaskNetwork, Tensor) -> [Tensor] = { [$0.logits($1)] },
        _ make: @escaping @Sendable () -> any TaskNetwork
    ) {
        self.folder = folder
        self.tag = tag
        self.rounding = rounding
        self.stageTolerance = stageTolerance
        self.make = make
        self.outputs = outputs
    }

    static let all: [BaselineCase] = [
        BaselineCase("unet", .flipping) { UNet() },
        BaselineCase("unet", tag: "-bilinear", .flipping) { BilinearUNet() },
        BaselineCase("cenet", .flipping) { CENet() },
        BaselineCase("cpfnet", .flipping) { CPFNet() },
        BaselineCase("setr", .mixed) { SETR(dropout: 0) },
        BaselineCase("canet", .flipping) { CANet() },
        BaselineCase("fatnet", tag: "-224", .flipping) { FATNet() },
        BaselineCase("fatnet", tag: "-256", .flipping) { FATNet() },
        BaselineCase(
            "transfuse", tag: "-192x256", .flipping,
            outputs: { ($0 as? TransFuse)?.allLogits($1) ?? [] }
        ) { TransFuse(tokens: 12 * 16, dropout: 0) },
        BaselineCase(
            "transfuse", tag: "-256", .flipping,
            outputs: { ($0 as? TransFuse)?.allLogits($1) ?? [] }
        ) { TransFuse(dropout: 0) },
        BaselineCase("swinunet", tag: "-224-window7", .smooth) {
            SwinUNet(inputSize: 224, dropPath: 0)
        },
        BaselineCase("swinunet", tag: "-256-window8", .smooth) { SwinUNet(dropPath: 0) },
        // Its group norms of single channels amplify rounding.
        BaselineCase("transunet", .flipping, stageTolerance: 5e-4) { TransUNet(dropout: 0) },
        BaselineCase("missformer", tag: "-224", .smooth) { MISSFormer(inputSize: 224) },
        BaselineCase("missformer", tag: "-256", .smooth) { MISSFormer() },
        BaselineCase("h2former", .mixed) { H2Former(dropPath: 0) },
        BaselineCase("aaunet", tag: "-assembled", .flippingTwice) { AAUNet() },
    ]

    /// One case of each network, which need not be trained at several sizes.
    static let trained = all.filter {
        !["-224", "-192x256", "-224-window7"].contains($0.tag)
    }

    func golden() throws -> BaselineGolden {
        try BaselineGolden(folder, tag: tag)
    }

    /// The network with weights by the formula.
    func network(_ golden: BaselineGolden) throws -> any TaskNetwork {
        let network = Initialization.skipped { make() }
        try network.load(BaselineWeights(for: network, gain: golden.gain))
        return network
    }

    /// The images of the training check: the input, and a second one resized to its size.
    func batch(_ golden: BaselineGolden) throws -> Tensor {
        let input = golden.input
        let path = Shared.folder.appending(path: "data/Breast-BUSBRA/img/bus_0033-l.png").path
        let size = Size(height: input.size(2), width: input.size(3))
        let image = try Image.read(path).grey().resizedLikePillow(to: size)
        let pixels = image.pixels.map { Float($0) / 255 }
        return .concatenate([input, Tensor(pixels, shape: [1, 1, size.height, size.width])])
    }
}
