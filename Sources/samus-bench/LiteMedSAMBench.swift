import Checkpoints
import Foundation
import SegmentAnything
import Torch
import TorchNN

/// LiteMedSAM with its published weights, on an image of noise.
final class LiteMedSAMBench {
    private let network: LiteMedSAM
    private let image: Tensor
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
        image = .uniform([1, 3, 256, 256], generator: Generator(seed: 20_240_917))
        embedding = withoutGrad { [network, image] in network.encode(image) }
    }

    /// The embedding of the image.
    func encode(_ precision: DType) {
        withoutGrad {
            withAutocast(to: precision) { _ = network.encode(image) }
        }
    }

    /// The mask of one box on the image that is encoded already.
    func prompt() {
        withoutGrad { _ = network.decode(embedding, prompts: box) }
    }

    /// The sum of the mask's logits, to see that both sides do the same work.
    func logits() -> Double {
        withoutGrad { network.decode(embedding, prompts: box).logits.sum().item() }
    }
}
