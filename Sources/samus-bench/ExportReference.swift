import Checkpoints
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// What a network computes on libtorch for every form of prompt, for Tools/parity/check_export.py, which
/// compares exported graphs with it.
enum ExportReference {
    /// Encodes two images and decodes prompts on the first.
    ///
    /// - Parameters:
    ///   - weights: of any network.
    ///   - output: gets `images`, `embeddings`; for each set of prompts NAME its `NAME.points`,
    ///     `NAME.labels` and `NAME.mask` in the form of an exported decoder, `NAME.logits` and
    ///     `NAME.iou` with the single mask first; and `auto.logits` and `auto.iou`.
    /// - Throws: `CheckpointError` when a file cannot be read or written, `ModuleLoadError` when the
    ///   weights do not fit.
    static func write(weights: String, output: String) throws {
        let checkpoint = try Checkpoint.read(weights)
        guard let kind = ModelArchitecture(names: checkpoint.names) else {
            preconditionFailure("\(weights) is none of the networks")
        }
        let sized = try SizedNetwork(kind, checkpoint: checkpoint)
        let (network, side) = (sized.network, sized.inputSize)
        network.setTrainable(false)
        network.evaluate()
        let images = smooth([2, kind.preprocessing.channels, side, side], seed: 7)
        let embeddings = withoutGrad { network.encode(images) }
        var results = [("images", images), ("embeddings", embeddings)]
        for (name, prompts) in prompts(side: side, maskSide: 4 * embeddings.size(2)) {
            let batch = (prompts.points ?? prompts.boxes ?? prompts.masks)?.size(0) ?? 1
            let (points, labels) = uniform(prompts, batch: batch)
            let (logits, iou) = withoutGrad {
                let embedding = embeddings[0..<1]
                let single = network.decode(embedding, prompts: prompts)
                let several = network.decode(embedding, prompts: prompts, multimask: true)
                return (
                    Tensor.concatenate([single.logits, several.logits], axis: 1),
                    Tensor.concatenate([single.iou, several.iou], axis: 1)
                )
            }
            results += [
                ("\(name).points", points), ("\(name).labels", labels),
                ("\(name).logits", logits), ("\(name).iou", iou),
            ]
            if let mask = prompts.masks { results.append(("\(name).mask", mask)) }
        }
        if let found = withoutGrad({ network.decodeUnprompted(embeddings) }) {
            results += [("auto.logits", found.logits), ("auto.iou", found.iou)]
        }
        try Safetensors.write(results.map { (name: $0, tensor: StoredTensor($1)) }, to: output)
    }

    /// Images of soft spots in 0..1.
    private static func smooth(_ shape: [Int], seed: UInt64) -> Tensor {
        let coarse = Tensor.uniform(shape.dropLast(2) + [9, 9], seed: seed)
        return bilinear(coarse, height: shape[2], width: shape[3])
    }

    private static func prompts(side: Int, maskSide: Int) -> [(String, PromptTensors)] {
        func points(_ count: Int, batch: Int = 1) -> (Tensor, Tensor) {
            let places = Tensor.uniform([batch, count, 2], seed: UInt64(count)) * side
            let labels = (0..<batch * count).map { Float($0 % 3 == 2 ? 0 : 1) }
            return (places, Tensor(labels, shape: [batch, count]))
        }
        let box = Tensor([0.21, 0.33, 0.68, 0.74].map { Float($0) * Float(side) }, shape: [1, 4])
        let mask = smooth([1, 1, maskSide, maskSide], seed: 3) * 20 - 10
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

    /// Prompts as places with labels.
    private static func uniform(_ prompts: PromptTensors, batch: Int) -> (Tensor, Tensor) {
        var places: [Tensor] = []
        var labels: [Tensor] = []
        if let points = prompts.points, let said = prompts.labels {
            places.append(points)
            labels.append(said)
            if prompts.boxes == nil {
                places.append(.zeros([batch, 1, 2]))
                labels.append(.full([batch, 1], -1))
            }
        }
        if let boxes = prompts.boxes {
            places.append(boxes.reshaped([batch, 2, 2]))
            labels.append(Tensor([Float(2), 3], shape: [1, 2]).expanded([batch, 2]))
        }
        guard !places.isEmpty else { return (.zeros([batch, 0, 2]), .zeros([batch, 0])) }
        return (.concatenate(places, axis: 1), .concatenate(labels, axis: 1))
    }
}

extension Tensor {
    /// Even numbers in 0..1.
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
    /// A copy of a tensor as 32-bit floating point numbers.
    init(_ tensor: Tensor) {
        let bytes = tensor.floats().withUnsafeBytes { Array($0) }
        self.init(elementType: .float32, shape: tensor.shape, bytes: bytes)
    }
}
