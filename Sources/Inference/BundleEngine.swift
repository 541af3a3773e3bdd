import Foundation
import Imaging
import Segmentation
import Synchronization

/// A model bundle on OpenVINO.
public final class BundleEngine: SegmentationEngine {
    /// What the model is and where it comes from.
    public let model: ModelDescription
    /// Whether its compiled models were in the cache.
    public let isWarm: Bool
    let manifest: ModelBundle.Manifest
    private let options: RuntimeOptions
    /// On a processor, passes of more prompts take longer for each (LiteMedSAM: 16 at a time 1.8
    /// times as long as 4), and memory for all: 64 take 3 GB.
    let promptsPerPass: Int
    let decoder: CompiledModel?
    let automatic: CompiledModel?
    private let encoder: CompiledModel
    private let embeddings: EmbeddingCache?

    /// Compiles a bundle's models, or takes them from the cache.
    ///
    /// - Parameters:
    ///   - bundle: opened before.
    ///   - options: how it will run.
    ///   - cache: where compiled models are kept; nil to compile each time.
    ///   - embeddings: where embeddings of images are kept; nil to encode each time.
    /// - Throws: ``OpenVINOError`` where there is no OpenVINO, or it cannot run the models;
    ///   ``ModelBundleError`` where files are not those of `model.json`.
    public init(
        _ bundle: ModelBundle, options: RuntimeOptions = .init(),
        cache: CompiledModelCache? = .standard(), embeddings: EmbeddingCache? = nil
    ) throws {
        let core = try OpenVINOCore(.shared())
        try core.check(options.device)
        let loader = BundleLoader(bundle: bundle, options: options, cache: cache, core: core)
        let loaded = try loader.load()
        (encoder, decoder, automatic) = (loaded.encoder, loaded.decoder, loaded.automatic)
        isWarm = loaded.isWarm
        model = bundle.model
        self.options = options
        promptsPerPass = [.gpu, .npu].contains(options.device) ? 64 : 4
        manifest = bundle.manifest
        self.embeddings = embeddings
    }

    /// Encodes an image, or takes its embedding from the cache.
    public func encode(_ image: Image) throws -> any EncodedImage {
        let geometry = InputGeometry(
            original: image.size, inputSize: manifest.input.size,
            preprocessing: manifest.input.preprocessing)
        let embedding =
            if let embeddings {
                try embeddings.embedding(of: image, model: model.sha256, options: options) {
                    try encode(image, geometry)
                }
            } else {
                try encode(image, geometry)
            }
        return BundleEncodedImage(engine: self, geometry: geometry, embedding: embedding)
    }

    private func encode(_ image: Image, _ geometry: InputGeometry) throws -> FloatTensor {
        let planes = geometry.prepare(image)
        let input = FloatTensor(
            planes.values, shape: [1, planes.channels, planes.height, planes.width])
        let embedding = try encoder.run(
            [Tensors.images: input], outputs: [Tensors.embeddings])[0]
        let expected = [1, manifest.embedding.width, manifest.embedding.side]
        guard embedding.shape == expected + [manifest.embedding.side] else {
            throw OpenVINOError.otherShape(
                port: Tensors.embeddings, expected: expected + [manifest.embedding.side],
                found: embedding.shape)
        }
        return embedding
    }
}

/// Gets the models of a bundle compiled and checked.
struct BundleLoader {
    let bundle: ModelBundle
    let options: RuntimeOptions
    let cache: CompiledModelCache?
    let core: OpenVINOCore

    struct Loaded {
        let encoder: CompiledModel
        let decoder: CompiledModel?
        let automatic: CompiledModel?
        let isWarm: Bool
    }

    /// Loads all that the bundle has, side by side: reading one waits for the disk, compiling
    /// another for the processor.
    func load() throws -> Loaded {
        typealias FileName = ModelBundle.Manifest.FileName
        let names = [FileName.encoder, FileName.decoder, FileName.automatic].filter {
            bundle.manifest.files[$0] != nil
        }
        let results = Mutex<[String: Result<(CompiledModel, isWarm: Bool), any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            let result = Result { try model(names[index]) }
            results.withLock { $0[names[index]] = result }
        }
        // In their order, so that the same error comes first each time.
        var loaded: [String: (CompiledModel, isWarm: Bool)] = [:]
        for name in names {
            loaded[name] = try results.withLock { $0[name] }?.get()
        }
        guard let encoder = loaded[FileName.encoder] else {
            preconditionFailure("a checked manifest has an encoder")
        }
        let decoder = loaded[FileName.decoder]?.0
        let automatic = loaded[FileName.automatic]?.0
        try check(encoder: encoder.0, decoder: decoder, automatic: automatic)
        return Loaded(
            encoder: encoder.0, decoder: decoder, automatic: automatic,
            isWarm: loaded.values.allSatisfy(\.isWarm))
    }

    private func model(_ name: String) throws -> (CompiledModel, isWarm: Bool) {
        guard let cache else {
            try bundle.verify(name)
            return (try core.compile(file: bundle.path(of: name), options: options), false)
        }
        return try cache.model(bundle.identity(of: name), options: options, core: core) {
            try bundle.verify(name)
        }
    }

    private func check(
        encoder: CompiledModel, decoder: CompiledModel?, automatic: CompiledModel?
    ) throws(OpenVINOError) {
        let manifest = bundle.manifest
        let (size, side) = (manifest.input.size, manifest.embedding.side)
        let embedding = [nil, manifest.embedding.width, side, side]
        let plane = [4 * side, 4 * side]
        try encoder.check(
            inputs: [Tensors.images: [1, manifest.input.channels, size, size]],
            outputs: [Tensors.embeddings: [1] + embedding.dropFirst()])
        try decoder?.check(
            inputs: [
                Tensors.embeddings: embedding, Tensors.coordinates: [nil, nil, 2],
                Tensors.labels: [nil, nil], Tensors.mask: [nil, 1] + plane, Tensors.hasMask: [1],
            ],
            outputs: [
                Tensors.logits: [nil, 1 + manifest.candidates] + plane,
                Tensors.iou: [nil, 1 + manifest.candidates],
            ])
        try automatic?.check(
            inputs: [Tensors.embeddings: embedding],
            outputs: [Tensors.logits: [nil, 1] + plane, Tensors.iou: [nil, 1]])
    }
}

/// An image that a bundle's encoder has seen.
struct BundleEncodedImage: EncodedImage {
    let engine: BundleEngine
    let geometry: InputGeometry
    let embedding: FloatTensor

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
        precondition(prompts.allSatisfy { $0.size == size }, "prompts for an image of \(size)")
        guard let decoder = engine.decoder else {
            throw ModelBundleError.takesNoPrompts(model: engine.model.name)
        }
        let prompts = prompts.map(\.prompt)
        let maskSide = 4 * engine.manifest.embedding.side
        let candidates = engine.manifest.candidates
        var results = [[MaskPrediction]](repeating: [], count: prompts.count)
        for batch in prompts.batchesOfOneForm(atMost: engine.promptsPerPass) {
            let arrays = PromptArrays(batch.map { prompts[$0] }, in: geometry, maskSide: maskSide)
            let outputs = try decoder.run(
                arrays.decoderInputs(embedding, maskSide: maskSide),
                outputs: [Tensors.logits, Tensors.iou])
            let found = try predictions(
                outputs, prompts: batch.count, masks: 1 + candidates,
                taken: multimask ? 1...candidates : 0...0)
            for (index, masks) in zip(batch, found) { results[index] = masks }
        }
        return results
    }

    func predictPromptFree() throws -> MaskPrediction {
        guard let automatic = engine.automatic else {
            throw EngineError.needsPrompt(model: engine.model.name)
        }
        return try predictions(
            automatic.run(
                [Tensors.embeddings: embedding], outputs: [Tensors.logits, Tensors.iou]),
            prompts: 1, masks: 1, taken: 0...0)[0][0]
    }

    /// The masks of a decoder's output, prompt by prompt.
    private func predictions(
        _ outputs: [FloatTensor], prompts: Int, masks: Int, taken: ClosedRange<Int>
    ) throws -> [[MaskPrediction]] {
        let side = 4 * engine.manifest.embedding.side
        let (logits, iou) = (outputs[0], outputs[1])
        for (output, name, expected) in [
            (logits, Tensors.logits, [prompts, masks, side, side]),
            (iou, Tensors.iou, [prompts, masks]),
        ] where output.shape != expected {
            throw OpenVINOError.otherShape(port: name, expected: expected, found: output.shape)
        }
        let area = side * side
        return try (0..<prompts).map { prompt in
            try taken.map { mask in
                let place = prompt * masks + mask
                let plane = Array(logits.values[place * area..<(place + 1) * area])
                // Rather than a mask made of NaN.
                guard plane.allSatisfy(\.isFinite), iou.values[place].isFinite else {
                    throw EngineError.notFinite(model: engine.model.name)
                }
                return MaskPrediction(
                    logits: Planes(channels: 1, height: side, width: side, values: plane),
                    iouEstimate: iou.values[place])
            }
        }
    }
}

extension PromptArrays {
    /// The inputs of a bundle's decoder, by name.
    ///
    /// - Parameters:
    ///   - embedding: the image's embedding, `[1, D, H, W]`.
    ///   - maskSide: height and width S of the mask input.
    /// - Returns: tensors by input name.
    func decoderInputs(_ embedding: FloatTensor, maskSide: Int) -> [String: FloatTensor] {
        let points = pointsWithCorners()
        // The decoder takes a mask always, and ignores the values if `hasMask` is 0.
        let hasMask = !masks.isEmpty
        let mask = hasMask ? masks : [Float](repeating: 0, count: maskSide * maskSide)
        return [
            Tensors.embeddings: embedding,
            Tensors.coordinates: FloatTensor(
                points.coordinates, shape: [count, points.pointCount, 2]),
            Tensors.labels: FloatTensor(points.labels, shape: [count, points.pointCount]),
            Tensors.mask: FloatTensor(mask, shape: [hasMask ? count : 1, 1, maskSide, maskSide]),
            Tensors.hasMask: FloatTensor([hasMask ? 1 : 0], shape: [1]),
        ]
    }
}

/// Names of inputs and outputs of a bundle's models; those of decoders are SAM's own exporter's.
public enum Tensors {
    /// The encoder's input, `[1, C, S, S]`.
    public static let images = "pictures"
    /// The encoder's result and a decoder's input, `[B, D, H, W]`.
    public static let embeddings = "image_embeddings"
    /// Places in pixels of the input, `[B, P, 2]`.
    public static let coordinates = "point_coords"
    /// What each place is, `[B, P]`.
    public static let labels = "point_labels"
    /// Logits of an earlier mask, `[B, 1, 4 H, 4 W]`.
    public static let mask = "mask_input"
    /// Whether that mask counts, `[1]`.
    public static let hasMask = "has_mask_input"
    /// A decoder's masks, `[B, M, 4 H, 4 W]`.
    public static let logits = "low_res_masks"
    /// Its estimates of their IoU, `[B, M]`.
    public static let iou = "iou_predictions"
}
