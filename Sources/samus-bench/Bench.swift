import Foundation
import Torch
import TorchNN

/// What can be measured; peer.py has the same under the same names.
enum Work: String {
    /// 20,000 sums of 4 floats; seconds for one.
    case add
    /// A transformer block's forward pass without gradients, in seconds.
    case forward
    /// A training step of the block, in seconds.
    case step
    /// The loss of a step, to see that both sides do the same work.
    case loss
    /// LiteMedSAM's embedding of an image, in seconds.
    case encode
    /// The same in bf16 by autocast.
    case encodeHalf = "encode_half"
    /// LiteMedSAM's answer to a box on an image encoded before, in seconds.
    case prompt
    /// The sum of that answer's logits.
    case logits
    /// 50 rounds of 512 MB temporaries; by how many bytes the process has grown.
    case memory
}

/// The state that rounds of work share.
final class Bench {
    private let block: TransformerBlock
    private let optimizer: Adam
    private let input: Tensor
    private let target: Tensor
    private let model: LiteMedSAMBench

    /// - Parameter weights: LiteMedSAM's, where set-up put them.
    /// - Throws: `CheckpointError` when they cannot be read.
    init(weights: String) throws {
        model = try LiteMedSAMBench(weights: weights)
        let stream = Generator(seed: 20_240_917)
        let block = TransformerBlock(width: 768, heads: 12)
        for value in block.parameters.map(\.value) {
            withoutGrad { value.assign(from: .normal(value.shape, generator: stream) * 0.02) }
        }
        self.block = block
        optimizer = Adam(block.trainable, learningRate: 1e-4)
        input = .normal([1, 1024, 768], generator: stream)
        target = .normal([1, 1024, 768], generator: stream)
    }

    func run(_ work: Work) -> Double {
        switch work {
        case .add: add()
        case .forward: seconds { withoutGrad { _ = block(input) } }
        case .step: seconds { _ = step() }
        case .loss: step().item()
        case .encode: seconds { model.encode(.float32) }
        case .encodeHalf: seconds { model.encode(.bfloat16) }
        case .prompt: seconds { model.prompt() }
        case .logits: model.logits()
        case .memory: growth()
        }
    }

    private func add() -> Double {
        let count = 20_000
        let a = Tensor([Float(1), 2, 3, 4])
        let b = Tensor([Float(5), 6, 7, 8])
        return seconds {
            for _ in 0..<count {
                _ = a + b
            }
        } / Double(count)
    }

    private func step() -> Tensor {
        let loss = meanSquaredError(block(input), target)
        block.zeroGrad()
        loss.backward()
        optimizer.step()
        return loss
    }

    private func growth() -> Double {
        let before = residentMemory()
        for _ in 0..<50 {
            let x = Tensor.ones([128, 1024, 1024])
            _ = (x * 2 + 1).sum().item()
        }
        return residentMemory() - before
    }

    /// Bytes; not a number where the system does not tell.
    private func residentMemory() -> Double {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }
}
