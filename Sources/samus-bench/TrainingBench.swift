import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// Training SAMUS of ViT-B's size on images of noise, as its authors train it; the Swift side of
/// `bench.py training`.
final class TrainingBench {
    /// The same names as in Benchmarks/peers/training.py, which has no checkpointing.
    enum Measurement: String {
        /// Seconds of a training step.
        case step
        /// The same in bf16 by autocast.
        case stepBF16 = "step_bf16"
        /// Seconds of a training step with activation checkpointing.
        case stepCheckpointed = "step_checkpointed"
        /// The same in bf16 by autocast.
        case stepCheckpointedBF16 = "step_checkpointed_bf16"
        /// The loss of the last step.
        case loss
    }

    private let network: SAMUS
    private let optimizer: Adam
    private let images: Tensor
    private let prompts: PromptTensors
    private let target: Tensor
    private var lastLoss = Double.nan

    /// - Parameters:
    ///   - weights: of a SAMUS of ViT-B's size.
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

    func measure(_ measurement: Measurement) -> Double {
        switch measurement {
        case .step: step(in: .float32, checkpointed: false)
        case .stepBF16: step(in: .bfloat16, checkpointed: false)
        case .stepCheckpointed: step(in: .float32, checkpointed: true)
        case .stepCheckpointedBF16: step(in: .bfloat16, checkpointed: true)
        case .loss: lastLoss
        }
    }

    /// Takes three steps, after which the process has reached its peak of memory.
    ///
    /// - Parameter measurement: the kind of step.
    /// - Returns: a line of the peak in bytes, and the loss.
    func peakMemory(_ measurement: Measurement) -> String {
        for _ in 0..<3 {
            _ = measure(measurement)
        }
        return "\(processMemory("VmHWM")) \(lastLoss)"
    }

    private func step(in precision: DType, checkpointed: Bool) -> Double {
        network.checkpointsActivations = checkpointed
        return seconds {
            let logits = withAutocast(to: precision) {
                network.decode(network.encode(images), prompts: prompts).logits
            }
            let loss = loss(logits.to(.float32))
            network.zeroGrad()
            loss.backward()
            optimizer.step()
            lastLoss = loss.item()
        }
    }

    /// The authors' loss: binary cross entropy, and Dice pooled over the batch.
    private func loss(_ logits: Tensor) -> Tensor {
        let entropy = binaryCrossEntropy(
            logits: logits, targets: target, positiveWeight: Tensor(Float(2)))
        let probability = sigmoid(logits)
        let overlap = (probability * target).sum() * 2 + 1e-5
        let dice =
            overlap / ((probability * probability).sum() + (target * target).sum() + 1e-5)
        return entropy * 0.2 + (1 - dice) * 0.8
    }
}
