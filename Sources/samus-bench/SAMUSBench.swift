import Checkpoints
import SAMUSModels
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// SAMUS of ViT-B's size on an image of noise; the Swift side of `bench.py samus`.
final class SAMUSBench {
    /// The same names as in Benchmarks/peers/samus.py.
    enum Measurement: String {
        /// Seconds of the image encoder.
        case encode
        /// The same in bf16 by autocast.
        case encodeBF16 = "encode_bf16"
        /// Seconds of the image encoder per image in a batch of eight.
        case encodeBatch = "encode_batch"
        /// The same in bf16 by autocast.
        case encodeBatchBF16 = "encode_batch_bf16"
        /// Seconds of the decoder for a point on an encoded image.
        case prompt
        /// Seconds of a product of 1024x768 and 768x3072 float32.
        case product
        /// The sum of the logits of that point's mask.
        case logits
    }

    private let network: SAMUS
    private let images: Tensor
    private let embedding: Tensor
    private let rows = Tensor.ones([1024, 768])
    private let matrix = Tensor.ones([3072, 768])

    private static var point: PromptTensors {
        PromptTensors(
            points: Tensor([Float(120), 100], shape: [1, 1, 2]),
            labels: Tensor([Float(1)], shape: [1, 1]))
    }

    /// - Parameter weights: of a SAMUS of ViT-B's size.
    /// - Throws: `CheckpointError` when they cannot be read, `ModuleLoadError` when they do not fit.
    init(weights: String) throws {
        network = try Self.loadNetwork(weights)
        images = .uniform([8, 1, 256, 256], generator: Generator(seed: 20_240_917))
        embedding = withoutGrad { [network, images] in network.encode(images[0..<1]) }
    }

    private static func loadNetwork(_ weights: String) throws -> SAMUS {
        let network = Initialization.skipped { SAMUS(.base(imageSize: 256)) }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        return network
    }

    /// Loads the weights, encodes an image and decodes a point once, in a new process.
    ///
    /// - Parameter weights: of a SAMUS of ViT-B's size.
    /// - Returns: a line of the seconds of loading, the bytes by which the peak of memory then exceeds
    ///   that before, and the peak of the process in bytes.
    /// - Throws: `CheckpointError`, `ModuleLoadError`.
    static func load(weights: String) throws -> String {
        // libtorch's own memory comes with the first tensor.
        _ = Tensor.zeros([1]) + 1
        let before = processMemory("VmRSS")
        let start = ContinuousClock.now
        let network = try loadNetwork(weights)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let growth = processMemory("VmHWM") - before
        let image = Tensor.uniform([1, 1, 256, 256], generator: Generator(seed: 20_240_917))
        withoutGrad { _ = network.decode(network.encode(image), prompts: point).logits.sum() }
        return "\(seconds) \(growth) \(processMemory("VmHWM"))"
    }

    func measure(_ measurement: Measurement) -> Double {
        withoutGrad {
            switch measurement {
            case .encode: encode(count: 1, in: .float32)
            case .encodeBF16: encode(count: 1, in: .bfloat16)
            case .encodeBatch: encode(count: 8, in: .float32) / 8
            case .encodeBatchBF16: encode(count: 8, in: .bfloat16) / 8
            case .prompt: seconds { _ = network.decode(embedding, prompts: Self.point) }
            case .product: seconds { _ = linear(rows, weight: matrix) }
            case .logits: network.decode(embedding, prompts: Self.point).logits.sum().item()
            }
        }
    }

    private func encode(count: Int, in precision: DType) -> Double {
        let batch = images[0..<count]
        return seconds { withAutocast(to: precision) { _ = network.encode(batch) } }
    }
}
