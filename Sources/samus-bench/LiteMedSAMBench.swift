import Checkpoints
import Foundation
import SegmentAnything
import Torch
import TorchNN

/// LiteMedSAM with its published weights, on a picture of noise.
final class LiteMedSAMBench {
    private let network: LiteMedSAM
    private let picture: Tensor
    private let embedding: Tensor
    private let box = PromptTensors(boxes: Tensor([Float(60), 60, 160, 180], shape: [1, 4]))

    /// - Parameter weights: where set-up put them.
    /// - Throws: `CheckpointError` when they cannot be read, `ModuleLoadError` when they do not fit.
    init(weights: String) throws {
        network = Initialization.skipped { LiteMedSAM() }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        network.foldBatchNorms()
        picture = .uniform([1, 3, 256, 256], generator: Generator(seed: 20_240_917))
        embedding = withoutGrad { [network, picture] in network.encode(picture) }
    }

    /// The embedding of the picture.
    func encode(_ precision: DType) {
        withoutGrad {
            withAutocast(to: precision) { _ = network.encode(picture) }
        }
    }

    /// The mask of one box on the picture that is encoded already.
    func prompt() {
        withoutGrad { _ = network.decode(embedding, prompts: box) }
    }

    /// The sum of the mask's logits, to see that both sides do the same work.
    func logits() -> Double {
        withoutGrad { network.decode(embedding, prompts: box).logits.sum().item() }
    }
}
