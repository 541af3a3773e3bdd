import Inference
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// The parts of a network as graphs: what a bundle is made of.
struct ModelGraphs {
    let encoder: Recording
    let decoder: Recording
    /// Nil where the network needs a prompt.
    let auto: Recording?

    /// Names of the decoder's inputs.
    static let decoderInputs = [
        Tensors.embeddings, Tensors.coordinates, Tensors.labels, Tensors.mask, Tensors.hasMask,
    ]
    /// Names of the decoder's results.
    static let decoderOutputs = [Tensors.logits, Tensors.iou]

    /// Records a network.
    ///
    /// - Parameters:
    ///   - network: ready for inference, on the CPU.
    ///   - channels: of its input.
    ///   - inputSize: height and width of its input in pixels.
    /// - Throws: `TraceError`, ``RecordingError``.
    init(_ network: any PromptableNetwork, channels: Int, inputSize: Int) throws {
        let grid = network.promptEncoder.gridSize
        let width = network.maskDecoder.outputTokens.size(1)
        encoder = try Recording(
            axes: [.init(name: "pictures", input: 0, place: 0, length: 1)],
            inputs: { [.zeros([$0[0], channels, inputSize, inputSize])] },
            { [network.encode($0[0])] })
        decoder = try Recording(
            axes: [
                .init(name: "prompts", input: 1, place: 0, length: 2),
                .init(name: "points", input: 1, place: 1, length: 3),
            ],
            inputs: { lengths in
                [
                    .zeros([1, width, grid, grid]), .zeros([lengths[0], lengths[1], 2]),
                    .zeros([lengths[0], lengths[1]]), .zeros([1, 1, 4 * grid, 4 * grid]),
                    .zeros([1]),
                ]
            },
            { inputs in
                let masks = network.decodeUniform(
                    inputs[0], points: inputs[1], labels: inputs[2], mask: inputs[3],
                    hasMask: inputs[4])
                return [masks.logits, masks.iou]
            })
        let one = Tensor.zeros([1, width, grid, grid])
        guard withoutGrad({ network.decodeUnprompted(one) }) != nil else {
            auto = nil
            return
        }
        auto = try Recording(
            axes: [.init(name: "pictures", input: 0, place: 0, length: 1)],
            inputs: { [.zeros([$0[0], width, grid, grid])] },
            { inputs in
                network.decodeUnprompted(inputs[0]).map { [$0.logits, $0.iou] } ?? []
            })
    }
}

extension PromptableNetwork {
    /// All masks for prompts in the one form of an exported decoder.
    ///
    /// - Parameters:
    ///   - embedding: `[1, D, H, W]` or `[B, D, H, W]`.
    ///   - points: places in pixels of the input, `[B, P, 2]`.
    ///   - labels: what each is, `[B, P]`.
    ///   - mask: logits of an earlier mask, `[1, 1, 4 H, 4 W]` or `[B, 1, 4 H, 4 W]`.
    ///   - hasMask: whether the mask counts, `[1]`.
    /// - Returns: logits, `[B, M, 4 H, 4 W]`, and IoU estimates, `[B, M]`.
    func decodeUniform(
        _ embedding: Tensor, points: Tensor, labels: Tensor, mask: Tensor, hasMask: Tensor
    ) -> (logits: Tensor, iou: Tensor) {
        let (sparse, dense) = promptEncoder.uniform(
            points: points, labels: labels, mask: mask, hasMask: hasMask)
        return maskDecoder.all(
            image: embedding, positions: promptEncoder.densePositions(), sparse: sparse,
            dense: dense)
    }
}

extension Module {
    /// The names of all values, by where they lie in memory.
    var namesByPlace: [UnsafeRawPointer: String] {
        Dictionary(
            namedValues().compactMap { name, value in
                value.value.withUnsafeBytes { $0.baseAddress }.map { ($0, name) }
            }, uniquingKeysWith: { one, _ in one })
    }
}
