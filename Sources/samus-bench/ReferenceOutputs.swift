import Checkpoints
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// Outputs of networks on libtorch, which the programs in Tools/parity compare with.
enum ReferenceOutputs {
    /// Encodes two images and decodes every kind of prompt on the first, for
    /// Tools/parity/test_exports.py.
    ///
    /// - Parameters:
    ///   - weights: of any network.
    ///   - output: file that receives `images` and `embeddings`; for each set of prompts NAME the
    ///     inputs of an exported decoder, `NAME.points`, `NAME.labels` and `NAME.mask`, and its
    ///     outputs, `NAME.logits` and `NAME.iou`, the single mask first; and for prompt-free networks
    ///     `auto.logits` and `auto.iou`.
    /// - Throws: `CheckpointError` when a file cannot be read or written, `ModuleLoadError` when the
    ///   weights do not fit.
    static func writeExportReference(weights: String, output: String) throws {
        let checkpoint = try Checkpoint.read(weights)
        guard let kind = checkpoint.architecture else {
            fail("the architecture of '\(weights)' is unknown")
        }
        let (network, configuration) = try NetworkRegistry.load(kind, from: checkpoint)
        let side = configuration.inputSize
        network.setTrainable(false)
        network.evaluate()
        let images = smoothNoise([2, kind.preprocessing.channels, side, side], seed: 7)
        let embeddings = withoutGrad { network.encode(images) }
        var results = [("images", images), ("embeddings", embeddings)]
        let sets = promptSets(side: side, maskSide: 4 * embeddings.size(2))
        for (name, prompts) in sets {
            guard let promptable = network as? any PromptableNetwork else { break }
            let batch = (prompts.points ?? prompts.boxes ?? prompts.masks)?.size(0) ?? 1
            let (points, labels) = decoderInputs(prompts, batch: batch)
            let masks = withoutGrad {
                let (sparse, dense) = promptable.promptEncoder(prompts)
                return promptable.maskDecoder.all(
                    image: embeddings[0..<1], positions: promptable.promptEncoder.densePositions(),
                    sparse: sparse, dense: dense)
            }
            if let presence = masks.presence { results.append(("\(name).presence", presence)) }
            results += [
                ("\(name).points", points), ("\(name).labels", labels),
                ("\(name).logits", masks.logits), ("\(name).iou", masks.iou),
            ]
            if let mask = prompts.masks { results.append(("\(name).mask", mask)) }
        }
        if let masks = withoutGrad({ network.decodePromptFree(embeddings) }) {
            results += [("auto.logits", masks.logits), ("auto.iou", masks.iou)]
        }
        try Safetensors.write(results.map { (name: $0, tensor: StoredTensor($1)) }, to: output)
    }

    /// Decodes the prompts of a file with SAM's ViT-B, for Tools/parity/test_sam.py: `samus segment`
    /// writes masks, but no logits.
    ///
    /// - Parameters:
    ///   - weights: of ViT-B.
    ///   - input: file with `input`, the preprocessed image, and for each set of prompts NAME any of
    ///     `NAME.points`, `NAME.labels` and `NAME.boxes`.
    ///   - output: file that receives `embedding`, and for each set of prompts `NAME.single.logits`,
    ///     `NAME.single.iou`, `NAME.multi.logits` and `NAME.multi.iou`.
    /// - Throws: `CheckpointError` when a file cannot be read or written, `ModuleLoadError` when the
    ///   weights do not fit.
    static func writeSAMLogits(weights: String, input: String, output: String) throws {
        let network = Initialization.skipped { SAM(.base(imageSize: 1024)) }
        try network.load(Checkpoint.read(weights))
        network.setTrainable(false)
        network.evaluate()
        let inputs = try Checkpoint.read(input)
        func tensor(_ name: String) throws -> Tensor? { try inputs[name].map { try Tensor($0) } }
        guard let image = try tensor("input") else { fail("no tensor 'input' in '\(input)'") }
        let embedding = withoutGrad { network.encode(image) }
        var results = [(name: "embedding", tensor: StoredTensor(embedding))]
        let names = Set(inputs.names.compactMap { $0.split(separator: ".").first }.map(String.init))
        for name in names.subtracting(["input"]).sorted() {
            let prompts = PromptTensors(
                points: try tensor("\(name).points"), labels: try tensor("\(name).labels"),
                boxes: try tensor("\(name).boxes"))
            for (multimask, kind) in [(false, "single"), (true, "multi")] {
                let masks = withoutGrad {
                    network.decode(embedding, prompts: prompts, multimask: multimask)
                }
                results.append(("\(name).\(kind).logits", StoredTensor(masks.logits)))
                results.append(("\(name).\(kind).iou", StoredTensor(masks.iou)))
            }
        }
        try Safetensors.write(results, to: output)
    }

    /// Smooth images of values in 0..1.
    private static func smoothNoise(_ shape: [Int], seed: UInt64) -> Tensor {
        let coarse = Tensor.uniform(shape.dropLast(2) + [9, 9], seed: seed)
        return bilinear(coarse, height: shape[2], width: shape[3])
    }

    private static func promptSets(side: Int, maskSide: Int) -> [(String, PromptTensors)] {
        func points(_ count: Int, batch: Int = 1) -> (Tensor, Tensor) {
            let coordinates = Tensor.uniform([batch, count, 2], seed: UInt64(count)) * side
            let labels = (0..<batch * count).map { Float($0 % 3 == 2 ? 0 : 1) }
            return (coordinates, Tensor(labels, shape: [batch, count]))
        }
        let box = Tensor([0.21, 0.33, 0.68, 0.74].map { Float($0) * Float(side) }, shape: [1, 4])
        let mask = smoothNoise([1, 1, maskSide, maskSide], seed: 3) * 20 - 10
        let (one, two, seven, many) = (points(1), points(2), points(7), points(2, batch: 3))
        return [
            ("one", PromptTensors(points: one.0, labels: one.1)),
            ("two", PromptTensors(points: two.0, labels: two.1)),
            ("seven", PromptTensors(points: seven.0, labels: seven.1)),
            ("many", PromptTensors(points: many.0, labels: many.1)),
            ("box", PromptTensors(boxes: box)),
            ("both", PromptTensors(points: one.0, labels: one.1, boxes: box)),
            ("masked", PromptTensors(points: one.0, labels: one.1, masks: mask)),
            ("all", PromptTensors(points: two.0, labels: two.1, boxes: box, masks: mask)),
            ("rough", PromptTensors(masks: mask)),
        ]
    }

    /// Points and labels as an exported decoder takes them: box corners are points, and points without
    /// a box are followed by one padding point.
    private static func decoderInputs(
        _ prompts: PromptTensors, batch: Int
    ) -> (points: Tensor, labels: Tensor) {
        var points: [Tensor] = []
        var labels: [Tensor] = []
        if let given = prompts.points, let givenLabels = prompts.labels {
            points.append(given)
            labels.append(givenLabels)
            if prompts.boxes == nil {
                points.append(.zeros([batch, 1, 2]))
                labels.append(.full([batch, 1], -1))
            }
        }
        if let boxes = prompts.boxes {
            points.append(boxes.reshaped([batch, 2, 2]))
            labels.append(Tensor([Float(2), 3], shape: [1, 2]).expanded([batch, 2]))
        }
        guard !points.isEmpty else { return (.zeros([batch, 0, 2]), .zeros([batch, 0])) }
        return (.concatenate(points, axis: 1), .concatenate(labels, axis: 1))
    }
}

extension Tensor {
    /// Uniform values in 0..1, equal on every machine.
    fileprivate static func uniform(_ shape: [Int], seed: UInt64) -> Tensor {
        var state = seed
        let values = (0..<shape.reduce(1, *)).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
        return Tensor(values, shape: shape)
    }
}

extension StoredTensor {
    /// A copy of a tensor in float32.
    fileprivate init(_ tensor: Tensor) {
        let bytes = tensor.floats().withUnsafeBytes { Array($0) }
        self.init(elementType: .float32, shape: tensor.shape, bytes: bytes)
    }
}
