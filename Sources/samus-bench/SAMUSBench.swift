import Checkpoints
import Foundation
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// What is measured of SAMUS; samus_works.py has the same under the same names.
enum SAMUSWork: String {
    /// The embedding of an image, in seconds.
    case encode
    /// The same in bf16.
    case encodeHalf = "encode_half"
    /// The embeddings of eight images at once; seconds for one.
    case encodeBatch = "encode_batch"
    /// The same in bf16.
    case encodeBatchHalf = "encode_batch_half"
    /// The mask of a click on an image encoded before, in seconds.
    case click
    /// A product of 1024x768 and 768x3072 float32, in seconds.
    case product
    /// The sum of that mask's logits.
    case logits
}

/// SAMUS with ViT-B's sizes on an image of noise.
final class SAMUSBench {
    private let network: SAMUS
    private let images: Tensor
    private let embedding: Tensor
    private let rows = Tensor.ones([1024, 768])
    private let matrix = Tensor.ones([3072, 768])
    private let prompts = PromptTensors(
        points: Tensor([Float(120), 100], shape: [1, 1, 2]),
        labels: Tensor([Float(1)], shape: [1, 1])
    )

    /// - Parameter weights: of a SAMUS with ViT-B's sizes.
    /// - Throws: `CheckpointError` when they cannot be read, `ModuleLoadError` when they do not fit.
    init(weights: String) throws {
        network = try Self.load(weights)
        images = .uniform([8, 1, 256, 256], generator: Generator(seed: 20_240_917))
        embedding = withoutGrad { [network, images] in network.encode(images[0..<1]) }
    }

    /// The network, ready for inference.
    static func load(_ weights: String) throws -> SAMUS {
        let network = Initialization.skipped { SAMUS(.base(imageSize: 256)) }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        return network
    }

    /// Loads the weights, encodes an image and takes a click: what the program does in its life.
    ///
    /// - Parameter weights: of a SAMUS with ViT-B's sizes.
    /// - Returns: a line of the seconds that loading took, bytes by which the process had grown at
    ///   its peak then, and bytes of memory at the peak of all.
    /// - Throws: as `init`.
    static func once(weights: String) throws -> String {
        // libtorch's own memory comes with the first tensor, and is not the file's.
        _ = Tensor.zeros([1]) + 1
        let before = CheckpointBench.status("VmRSS:")
        let start = ContinuousClock.now
        let network = try load(weights)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let loaded = CheckpointBench.status("VmHWM:") - before
        let image = Tensor.uniform([1, 1, 256, 256], generator: Generator(seed: 20_240_917))
        let prompts = PromptTensors(
            points: Tensor([Float(120), 100], shape: [1, 1, 2]),
            labels: Tensor([Float(1)], shape: [1, 1]))
        withoutGrad { _ = network.decode(network.encode(image), prompts: prompts).logits.sum() }
        return "\(seconds) \(loaded) \(CheckpointBench.status("VmHWM:"))"
    }

    /// Does a work once.
    ///
    /// - Returns: its figure.
    func run(_ work: SAMUSWork) -> Double {
        withoutGrad {
            switch work {
            case .encode: encode(1, .float32)
            case .encodeHalf: encode(1, .bfloat16)
            case .encodeBatch: encode(8, .float32) / 8
            case .encodeBatchHalf: encode(8, .bfloat16) / 8
            case .click: seconds { _ = network.decode(embedding, prompts: prompts) }
            case .product: seconds { _ = linear(rows, weight: matrix) }
            case .logits: network.decode(embedding, prompts: prompts).logits.sum().item()
            }
        }
    }

    private func encode(_ count: Int, _ precision: DType) -> Double {
        let taken = images[0..<count]
        return seconds { withAutocast(to: precision) { _ = network.encode(taken) } }
    }
}

/// Seconds that a closure takes.
func seconds(_ body: () -> Void) -> Double {
    let start = ContinuousClock.now
    body()
    return (ContinuousClock.now - start) / .seconds(1)
}
