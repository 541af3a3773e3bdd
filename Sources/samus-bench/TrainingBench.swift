import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// What is measured of training SAMUS; training_works.py has the same under the same names.
enum TrainingWork: String {
    /// A step of training, in seconds.
    case step
    /// The same in bf16.
    case stepHalf = "step_half"
    /// A step that computes activations anew in backward.
    case stepCheckpointed = "step_checkpointed"
    /// The same in bf16.
    case stepCheckpointedHalf = "step_checkpointed_half"
    /// The loss of the last step.
    case loss
}

/// Training SAMUS with ViT-B's sizes on images of noise, as its authors train it.
final class TrainingBench {
    private let network: SAMUS
    private let optimizer: Adam
    private let images: Tensor
    private let prompts: PromptTensors
    private let target: Tensor
    private var last = Double.nan

    /// - Parameters:
    ///   - weights: of a SAMUS with ViT-B's sizes.
    ///   - batch: number of images.
    /// - Throws: `CheckpointError` when they cannot be read, `ModuleLoadError` when they do not fit.
    init(weights: String, batch: Int) throws {
        network = Initialization.skipped { SAMUS(.base(imageSize: 256)) }
        try network.load(Checkpoint.read(weights))
        network.train()
        network.setTrainable(by: .samus)
        optimizer = Adam(network.trainable, learningRate: 1e-4)
        images = .uniform([batch, 1, 256, 256], generator: Generator(seed: 20_240_917))
        prompts = PromptTensors(
            points: Tensor([Float(120), 100], shape: [1, 1, 2]).expanded([batch, -1, -1]),
            labels: .ones([batch, 1]))
        target = .zeros([batch, 1, 128, 128])
        target[.all, .all, 32..<96, 40..<100].assign(from: .ones([batch, 1, 64, 60]))
    }

    /// Does a work once.
    ///
    /// - Returns: its figure.
    func run(_ work: TrainingWork) -> Double {
        switch work {
        case .step: step(in: .float32)
        case .stepHalf: step(in: .bfloat16)
        case .stepCheckpointed: step(in: .float32, checkpointed: true)
        case .stepCheckpointedHalf: step(in: .bfloat16, checkpointed: true)
        case .loss: last
        }
    }

    /// Takes three steps, what a process needs to be as large as it gets.
    ///
    /// - Parameter work: the kind of step.
    /// - Returns: a line of the bytes of memory at the peak, and the loss.
    func peak(of work: TrainingWork) -> String {
        for _ in 0..<3 {
            _ = run(work)
        }
        return "\(CheckpointBench.status("VmHWM:")) \(last)"
    }

    private func step(in precision: DType, checkpointed: Bool = false) -> Double {
        network.checkpointsActivations = checkpointed
        return seconds { step(in: precision) }
    }

    private func step(in precision: DType) {
        let logits = withAutocast(to: precision) {
            network.decode(network.encode(images), prompts: prompts).logits
        }
        let loss = loss(logits.to(.float32))
        network.zeroGrad()
        loss.backward()
        optimizer.step()
        last = loss.item()
    }

    /// The authors' loss: cross entropy, and a Dice that is pooled over the batch.
    private func loss(_ logits: Tensor) -> Tensor {
        let entropy = binaryCrossEntropy(
            logits: logits, targets: target, positiveWeight: Tensor(Float(2)))
        let inside = sigmoid(logits)
        let overlap = (inside * target).sum() * 2 + 1e-5
        let dice = overlap / ((inside * inside).sum() + (target * target).sum() + 1e-5)
        return entropy * 0.2 + (1 - dice) * 0.8
    }
}
