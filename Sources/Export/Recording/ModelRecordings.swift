import Inference
import SegmentAnything
import Torch

/// The recordings that a model bundle is made from.
struct ModelRecordings {
    let encoder: Recording
    /// The decoder of prompts; nil where the network takes none.
    let decoder: Recording?
    /// The decoder that takes no prompt; nil where the network needs one.
    let promptFree: Recording?

    /// Name of the encoder's batch axis.
    static let imagesAxis = "images"
    /// Names of the decoder's inputs.
    static let decoderInputs = [
        TensorNames.embeddings, TensorNames.coordinates, TensorNames.labels, TensorNames.mask,
        TensorNames.hasMask,
    ]
    /// Names of the decoder's outputs.
    static let decoderOutputs = [TensorNames.logits, TensorNames.iou]
    /// Whether the decoder also estimates that there is an object.
    let hasPresence: Bool

    /// Records a network.
    ///
    /// - Parameters:
    ///   - network: ready for inference, on the CPU.
    ///   - channels: of its input.
    ///   - inputSize: height and width of its input in pixels.
    /// - Throws: `TraceError`, ``RecordingError``.
    init(_ network: any SegmentationNetwork, channels: Int, inputSize: Int) throws {
        let grid = network.embeddingSize
        hasPresence = (network as? any PromptableNetwork)?.maskDecoder.hasPresence ?? false
        let width = network.embeddingWidth
        encoder = try Recording(
            axes: [.init(name: Self.imagesAxis, input: 0, dimension: 0, length: 1)],
            inputs: { [.zeros([$0[0], channels, inputSize, inputSize])] },
            { [network.encode($0[0])] })
        decoder = try (network as? any PromptableNetwork).map { network in
            try Recording(
                axes: [
                    .init(name: "prompts", input: 1, dimension: 0, length: 2),
                    .init(name: "points", input: 1, dimension: 1, length: 3),
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
                    return [masks.logits, masks.iou, masks.presence].compactMap(\.self)
                })
        }
        let embedding = Tensor.zeros([1, width, grid, grid])
        guard withoutGrad({ network.decodePromptFree(embedding) }) != nil else {
            promptFree = nil
            return
        }
        promptFree = try Recording(
            axes: [.init(name: Self.imagesAxis, input: 0, dimension: 0, length: 1)],
            inputs: { [.zeros([$0[0], width, grid, grid])] },
            { inputs in
                network.decodePromptFree(inputs[0]).map { [$0.logits, $0.iou] } ?? []
            })
    }
}

extension PromptableNetwork {
    /// All masks, the single one first, for prompts in the form that an exported decoder takes.
    ///
    /// - Parameters:
    ///   - embedding: `[1, D, H, W]` or `[B, D, H, W]`.
    ///   - points: points and box corners in pixels of the input, `[B, P, 2]`.
    ///   - labels: SAM's label of each point, `[B, P]`.
    ///   - mask: logits of an earlier mask, `[1, 1, 4 H, 4 W]` or `[B, 1, 4 H, 4 W]`.
    ///   - hasMask: 1 where the mask is used, else 0, `[1]`.
    /// - Returns: all masks of each set of prompts.
    fileprivate func decodeUniform(
        _ embedding: Tensor, points: Tensor, labels: Tensor, mask: Tensor, hasMask: Tensor
    ) -> DecodedMasks {
        let (sparse, dense) = promptEncoder.uniform(
            points: points, labels: labels, mask: mask, hasMask: hasMask)
        return maskDecoder.all(
            image: embedding, positions: promptEncoder.densePositions(), sparse: sparse,
            dense: dense)
    }
}
