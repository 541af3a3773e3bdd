import Foundation
import Imaging
import Segmentation
import Synchronization

/// Segmentation with a model bundle on OpenVINO.
package final class BundleEngine: SegmentationEngine {
    /// The model's name, architecture and origin.
    package let model: ModelDescription
    /// Whether all compiled models came from the cache.
    package let isWarm: Bool
    /// The precision that OpenVINO computes the encoder in, which can differ from the requested one;
    /// nil if OpenVINO does not report it.
    package var precision: RuntimeOptions.Precision? { encoder.precision }
    /// The devices that run the encoder, by OpenVINO's names.
    package var devices: [String] { encoder.devices }
    let manifest: ModelBundle.Manifest
    private let options: RuntimeOptions
    /// Number of prompts that are decoded in one pass: 4 on a CPU, where more prompts per pass take
    /// longer per prompt (LiteMedSAM: 1.8 times as long with 16) and more memory (3 GB with 64).
    let promptsPerPass: Int
    let decoder: CompiledModel?
    /// Whether the decoder estimates that there is an object.
    let hasPresence: Bool
    let promptFreeDecoder: CompiledModel?
    let encoder: CompiledModel
    let encoderInput: String
    private let embeddings: EncodedImageCache?

    /// Compiles a bundle's models, or loads them from the cache.
    ///
    /// - Parameters:
    ///   - bundle: the bundle.
    ///   - options: device, precision and threads.
    ///   - cache: cache of compiled models; nil to compile each time.
    ///   - embeddings: cache of image embeddings; nil to encode each time.
    /// - Throws: ``OpenVINOError`` if OpenVINO is missing or cannot run the models;
    ///   ``ModelBundleError`` if the files are not those that `model.json` describes.
    package init(
        _ bundle: ModelBundle, options: RuntimeOptions = .init(),
        cache: CompiledModelCache? = .standard(), embeddings: EncodedImageCache? = nil
    ) throws {
        let core = try OpenVINOCore(.shared())
        try core.check(options.device)
        let loader = BundleLoader(bundle: bundle, options: options, cache: cache, core: core)
        let loaded = try loader.load()
        (encoder, encoderInput) = (loaded.encoder, loaded.encoderInput)
        (decoder, promptFreeDecoder) = (loaded.decoder, loaded.promptFreeDecoder)
        hasPresence = loaded.decoder?.hasOutput(TensorNames.presence) ?? false
        isWarm = loaded.isWarm
        model = bundle.model
        self.options = options
        promptsPerPass = options.device.isAccelerator ? 64 : 4
        manifest = bundle.manifest
        self.embeddings = embeddings
    }

    /// Encodes an image, or loads its embedding from the cache.
    package func encode(_ image: Image) throws -> any EncodedImage {
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
            [encoderInput: input], outputs: [TensorNames.embeddings])[0]
        let expected = [1, manifest.embedding.width, manifest.embedding.side]
        guard embedding.shape == expected + [manifest.embedding.side] else {
            throw OpenVINOError.shapeMismatch(
                port: TensorNames.embeddings, expected: expected + [manifest.embedding.side],
                found: embedding.shape)
        }
        return embedding
    }
}

/// Compiles and checks the models of a bundle.
struct BundleLoader {
    let bundle: ModelBundle
    let options: RuntimeOptions
    let cache: CompiledModelCache?
    let core: OpenVINOCore

    struct Loaded {
        let encoder: CompiledModel
        /// Name of the encoder's input.
        let encoderInput: String
        let decoder: CompiledModel?
        let promptFreeDecoder: CompiledModel?
        let isWarm: Bool
    }

    /// Loads all models of the bundle concurrently, so that one file is read while another is compiled.
    func load() throws -> Loaded {
        typealias FileName = ModelBundle.Manifest.FileName
        let names = [FileName.encoder, FileName.decoder, FileName.promptFreeDecoder].filter {
            bundle.manifest.files[$0] != nil
        }
        let results = Mutex<[String: Result<(CompiledModel, isWarm: Bool), any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: names.count) { index in
            let result = Result { try model(names[index]) }
            results.withLock { $0[names[index]] = result }
        }
        // In a fixed order, so that the same error is thrown each time.
        var loaded: [String: (CompiledModel, isWarm: Bool)] = [:]
        for name in names {
            loaded[name] = try results.withLock { $0[name] }?.get()
        }
        guard let encoder = loaded[FileName.encoder] else {
            preconditionFailure("the manifest must have an encoder")
        }
        let decoder = loaded[FileName.decoder]?.0
        let promptFree = loaded[FileName.promptFreeDecoder]?.0
        let input =
            encoder.0.hasInput(TensorNames.images) ? TensorNames.images : TensorNames.formerImages
        try check(encoder.0, input: input, decoder: decoder, promptFree: promptFree)
        return Loaded(
            encoder: encoder.0, encoderInput: input, decoder: decoder,
            promptFreeDecoder: promptFree,
            isWarm: loaded.values.allSatisfy(\.isWarm))
    }

    private func model(_ name: String) throws -> (CompiledModel, isWarm: Bool) {
        guard let cache else {
            try bundle.verify(name)
            return (try core.compile(file: bundle.path(of: name), options: options), false)
        }
        return try cache.model(bundle.identity(ofGraph: name), options: options, core: core) {
            try bundle.verify(name)
        }
    }

    private func check(
        _ encoder: CompiledModel, input: String, decoder: CompiledModel?,
        promptFree: CompiledModel?
    ) throws(OpenVINOError) {
        let manifest = bundle.manifest
        let (size, side) = (manifest.input.size, manifest.embedding.side)
        let embedding = [nil, manifest.embedding.width, side, side]
        let plane = [4 * side, 4 * side]
        try encoder.check(
            inputs: [input: [1, manifest.input.channels, size, size]],
            outputs: [TensorNames.embeddings: [1] + embedding.dropFirst()])
        try decoder?.check(
            inputs: [
                TensorNames.embeddings: embedding, TensorNames.coordinates: [nil, nil, 2],
                TensorNames.labels: [nil, nil], TensorNames.mask: [nil, 1] + plane,
                TensorNames.hasMask: [1],
            ],
            outputs: [
                TensorNames.logits: [nil, 1 + manifest.candidates] + plane,
                TensorNames.iou: [nil, 1 + manifest.candidates],
            ])
        try promptFree?.check(
            inputs: [TensorNames.embeddings: embedding],
            outputs: [
                TensorNames.logits: [nil, manifest.promptFreeMasks] + plane,
                TensorNames.iou: [nil, manifest.promptFreeMasks],
            ])
    }
}

/// An image encoded by a bundle's encoder.
struct BundleEncodedImage: EncodedImage {
    let engine: BundleEngine
    var model: ModelDescription { engine.model }
    let geometry: InputGeometry
    let embedding: FloatTensor

    func predict(_ prompts: [Prompt.Checked], multimask: Bool) throws -> [[MaskPrediction]] {
        precondition(
            prompts.allSatisfy { $0.size == size }, "the prompts must be for an image of \(size)")
        guard let decoder = engine.decoder else {
            throw ModelBundleError.noPrompts(model: engine.model.name)
        }
        let prompts = prompts.map(\.prompt)
        let maskSide = 4 * engine.manifest.embedding.side
        let candidates = engine.manifest.candidates
        let takesBest = model.architecture.takesBestCandidate
        var results = [[MaskPrediction]](repeating: [], count: prompts.count)
        for batch in prompts.batchesOfOneForm(atMost: engine.promptsPerPass) {
            let arrays = PromptArrays(batch.map { prompts[$0] }, in: geometry, maskSide: maskSide)
            let names = [TensorNames.logits, TensorNames.iou]
            let outputs = try decoder.run(
                arrays.decoderInputs(embedding, maskSide: maskSide),
                outputs: engine.hasPresence ? names + [TensorNames.presence] : names)
            let found = try predictions(
                outputs, prompts: batch.count, masks: 1 + candidates,
                taken: multimask || takesBest ? 1...candidates : 0...0)
            for (index, masks) in zip(batch, found) {
                results[index] = multimask || !takesBest ? masks : masks.best
            }
        }
        return results
    }

    func predictPromptFree() throws -> MaskPrediction {
        guard engine.manifest.promptFreeMasks == 1 else {
            throw EngineError.severalClasses(model: engine.model.name)
        }
        return try decodedPromptFree()[0]
    }

    func predictClasses() throws -> ClassPrediction {
        guard engine.manifest.promptFreeMasks > 1 else {
            throw EngineError.oneObject(model: engine.model.name)
        }
        return ClassPrediction(try decodedPromptFree())
    }

    /// All masks of the decoder that takes no prompt.
    private func decodedPromptFree() throws -> [MaskPrediction] {
        guard let decoder = engine.promptFreeDecoder else {
            throw EngineError.needsPrompt(model: engine.model.name)
        }
        let count = engine.manifest.promptFreeMasks
        return try predictions(
            decoder.run(
                [TensorNames.embeddings: embedding], outputs: [TensorNames.logits, TensorNames.iou]),
            prompts: 1, masks: count, taken: 0...(count - 1))[0]
    }

    /// Converts a decoder's outputs into the masks of each prompt.
    private func predictions(
        _ outputs: [FloatTensor], prompts: Int, masks: Int, taken: ClosedRange<Int>
    ) throws -> [[MaskPrediction]] {
        let side = 4 * engine.manifest.embedding.side
        let (logits, iou) = (outputs[0], outputs[1])
        for (output, name, expected) in [
            (logits, TensorNames.logits, [prompts, masks, side, side]),
            (iou, TensorNames.iou, [prompts, masks]),
        ] + outputs.dropFirst(2).map({ ($0, TensorNames.presence, [prompts, 1]) })
        where output.shape != expected {
            throw OpenVINOError.shapeMismatch(port: name, expected: expected, found: output.shape)
        }
        let area = side * side
        return try (0..<prompts).map { prompt in
            try taken.map { mask in
                let place = prompt * masks + mask
                let plane = Array(logits.values[place * area..<(place + 1) * area])
                let presence = outputs.count > 2 ? outputs[2].values[prompt] : nil
                guard plane.allSatisfy(\.isFinite), iou.values[place].isFinite,
                    presence?.isFinite != false
                else {
                    throw EngineError.notFinite(model: engine.model.name)
                }
                return MaskPrediction(
                    logits: Planes(channels: 1, height: side, width: side, values: plane),
                    iouEstimate: iou.values[place],
                    presence: presence.map { 1 / (1 + exp(-$0)) })
            }
        }
    }
}

extension [MaskPrediction] {
    /// The mask with the highest IoU estimate, the first of equal ones.
    fileprivate var best: [MaskPrediction] {
        guard let highest = map(\.iouEstimate).max() else { return [] }
        return Array(filter { $0.iouEstimate == highest }.prefix(1))
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
        // The decoder always takes a mask, and ignores its values if `hasMask` is 0.
        let hasMask = !masks.isEmpty
        let mask = hasMask ? masks : [Float](repeating: 0, count: maskSide * maskSide)
        return [
            TensorNames.embeddings: embedding,
            TensorNames.coordinates: FloatTensor(
                points.coordinates, shape: [count, points.pointCount, 2]),
            TensorNames.labels: FloatTensor(points.labels, shape: [count, points.pointCount]),
            TensorNames.mask: FloatTensor(
                mask, shape: [hasMask ? count : 1, 1, maskSide, maskSide]),
            TensorNames.hasMask: FloatTensor([hasMask ? 1 : 0], shape: [1]),
        ]
    }
}

/// Names of the inputs and outputs of a bundle's models; decoders have the names of SAM's exporter.
package enum TensorNames {
    /// The encoder's input, `[1, C, S, S]`.
    package static let images = "images"
    /// The encoder's input in bundles of version 0.1.
    static let formerImages = "pictures"
    /// The encoder's output and a decoder's input, `[B, D, H, W]`.
    package static let embeddings = "image_embeddings"
    /// Points (x, y) in pixels of the input, `[B, P, 2]`.
    package static let coordinates = "point_coords"
    /// Labels of the points, `[B, P]`.
    package static let labels = "point_labels"
    /// Logits of an earlier mask, `[B, 1, 4 H, 4 W]`.
    package static let mask = "mask_input"
    /// 1 if the mask input is used, else 0, `[1]`.
    package static let hasMask = "has_mask_input"
    /// Mask logits, `[B, M, 4 H, 4 W]`.
    package static let logits = "low_res_masks"
    /// IoU estimate of each mask, `[B, M]`.
    package static let iou = "iou_predictions"
    /// Logit of whether there is an object at the prompt, `[B, 1]`; only of some networks.
    package static let presence = "object_presence"
}
