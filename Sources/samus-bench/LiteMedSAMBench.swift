import Checkpoints
import Foundation
import SegmentAnything
import Torch
import TorchNN

/// Tensors, a ViT block and LiteMedSAM; the Swift side of `bench.py litemedsam`.
final class LiteMedSAMBench {
    /// The same names as in Benchmarks/peers/litemedsam.py.
    enum Measurement: String {
        /// Seconds of one addition of 4 floats, over 20,000.
        case add
        /// Seconds of a transformer block's forward pass without gradients.
        case forward
        /// Seconds of a training step of the block.
        case step
        /// The loss of a step, to check that both sides do the same work.
        case loss
        /// Seconds of LiteMedSAM's image encoder.
        case encode
        /// The same in bf16 by autocast.
        case encodeBF16 = "encode_bf16"
        /// Seconds of LiteMedSAM's decoder for a box on an encoded image.
        case prompt
        /// The sum of the logits of that mask.
        case logits
        /// Bytes by which the process grows in 50 rounds of 512 MB temporaries.
        case memory
    }

    private let block: TransformerBlock
    private let optimizer: Adam
    private let input: Tensor
    private let target: Tensor
    private let network: LiteMedSAM
    private let image: Tensor
    private let embedding: Tensor
    private let box = PromptTensors(boxes: Tensor([Float(60), 60, 160, 180], shape: [1, 4]))

    /// - Parameter weights: of LiteMedSAM.
    /// - Throws: `CheckpointError` when they cannot be read, `ModuleLoadError` when they do not fit.
    init(weights: String) throws {
        let network = Initialization.skipped { LiteMedSAM() }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        network.foldBatchNorms()
        let image = Tensor.uniform([1, 3, 256, 256], generator: Generator(seed: 20_240_917))
        embedding = withoutGrad { network.encode(image) }
        self.network = network
        self.image = image

        let generator = Generator(seed: 20_240_917)
        let block = TransformerBlock(width: 768, heads: 12)
        for value in block.parameters.map(\.value) {
            withoutGrad { value.assign(from: .normal(value.shape, generator: generator) * 0.02) }
        }
        self.block = block
        optimizer = Adam(block.trainable, learningRate: 1e-4)
        input = .normal([1, 1024, 768], generator: generator)
        target = .normal([1, 1024, 768], generator: generator)
    }

    func measure(_ measurement: Measurement) -> Double {
        switch measurement {
        case .add: secondsOfAddition()
        case .forward: seconds { withoutGrad { _ = block(input) } }
        case .step: seconds { _ = trainingStep() }
        case .loss: trainingStep().item()
        case .encode: seconds { encode(in: .float32) }
        case .encodeBF16: seconds { encode(in: .bfloat16) }
        case .prompt: seconds { _ = mask() }
        case .logits: mask().sum().item()
        case .memory: memoryGrowth()
        }
    }

    private func secondsOfAddition() -> Double {
        let count = 20_000
        let a = Tensor([Float(1), 2, 3, 4])
        let b = Tensor([Float(5), 6, 7, 8])
        return seconds {
            for _ in 0..<count {
                _ = a + b
            }
        } / Double(count)
    }

    private func trainingStep() -> Tensor {
        let loss = meanSquaredError(block(input), target)
        block.zeroGrad()
        loss.backward()
        optimizer.step()
        return loss
    }

    private func encode(in precision: DType) {
        withoutGrad {
            withAutocast(to: precision) { _ = network.encode(image) }
        }
    }

    /// The logits of the box's mask.
    private func mask() -> Tensor {
        withoutGrad { network.decode(embedding, prompts: box).logits }
    }

    private func memoryGrowth() -> Double {
        let before = residentMemory()
        for _ in 0..<50 {
            let x = Tensor.ones([128, 1024, 1024])
            _ = (x * 2 + 1).sum().item()
        }
        return residentMemory() - before
    }

    /// Bytes; NaN where the system does not report them.
    private func residentMemory() -> Double {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}
