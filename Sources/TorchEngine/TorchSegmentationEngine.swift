import Checkpoints
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A network of SAM's family on libtorch.
public final class TorchSegmentationEngine: SegmentationEngine, @unchecked Sendable {
    // Modules do not change after `init`, and libtorch's operators may run on any thread.
    let network: any SegmentationNetwork
    private let inputSize: Int
    private let options: TorchEngineOptions
    /// The model's architecture, sizes and origin.
    public let model: ModelDescription

    /// Loads weights strictly (names, shapes and types must match) and prepares them for inference.
    ///
    /// - Parameters:
    ///   - checkpoint: the model's weights.
    ///   - model: the model's description.
    ///   - options: device and precision.
    /// - Throws: `ConfigurationError` and `ModuleLoadError` when they do not fit,
    ///   `CheckpointError` when they cannot be read, `TorchError` when the device cannot be used.
    public init(
        checkpoint: Checkpoint, model: ModelDescription, options: TorchEngineOptions = .init()
    ) throws {
        try options.device.check()
        let (network, configuration) = try NetworkRegistry.loadMerged(
            model.architecture, from: checkpoint)
        self.network = network
        inputSize = configuration.inputSize
        self.model = model
        self.options = options
        network.setTrainable(false)
        network.evaluate()
        network.move(to: options.device)
        network.foldBatchNorms()
    }

    /// Creates an engine for a network that is ready for inference on the CPU.
    ///
    /// - Parameters:
    ///   - network: the network with its weights.
    ///   - inputSize: height and width of the input in pixels.
    ///   - model: the model's description.
    public init(network: any SegmentationNetwork, inputSize: Int, model: ModelDescription) {
        self.network = network
        self.inputSize = inputSize
        self.model = model
        options = .init()
    }

    /// Encodes an image.
    public func encode(_ image: Image) throws -> any EncodedImage {
        let geometry = InputGeometry(
            original: image.size, inputSize: inputSize,
            preprocessing: model.architecture.preprocessing)
        let input = Tensor(geometry.prepare(image)).to(options.device)
        let embedding = options.run { network.encode(input) }
        return Embedded(engine: self, geometry: geometry, embedding: embedding)
    }

    private struct Embedded: EncodedImage {
        let engine: TorchSegmentationEngine
        var model: ModelDescription { engine.model }
        let geometry: InputGeometry
        let embedding: Tensor

        func predict(
            _ prompts: [Prompt.Checked], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            precondition(
                prompts.allSatisfy { $0.size == size }, "prompts for an image of \(size)")
            guard let network = engine.network as? any PromptableNetwork else {
                throw EngineError.takesNoPrompts(model: engine.model.name)
            }
            let prompts = prompts.map(\.prompt)
            var results = [[MaskPrediction]](repeating: [], count: prompts.count)
            for batch in prompts.batchesOfOneForm(atMost: 64) {
                let arrays = PromptArrays(
                    batch.map { prompts[$0] }, in: geometry, maskSide: 4 * embedding.size(2))
                let tensors = PromptTensors(arrays, on: engine.options.device)
                let decoded = engine.options.run {
                    network.decode(embedding, prompts: tensors, multimask: multimask)
                }
                let found = try predictions(
                    decoded, model: engine.model.name)
                for (index, masks) in zip(batch, found) { results[index] = masks }
            }
            return results
        }

        func predictPromptFree() throws -> MaskPrediction {
            let found = engine.options.run { engine.network.decodePromptFree(embedding) }
            guard let found else {
                throw EngineError.needsPrompt(model: engine.model.name)
            }
            guard found.logits.size(1) == 1 else {
                throw EngineError.severalClasses(model: engine.model.name)
            }
            return try predictions(
                found, model: engine.model.name)[0][0]
        }

        func predictClasses() throws -> ClassPrediction {
            let found = engine.options.run { engine.network.decodePromptFree(embedding) }
            guard let found, found.logits.size(1) > 1 else {
                throw EngineError.oneObject(model: engine.model.name)
            }
            return ClassPrediction(try predictions(found, model: engine.model.name)[0])
        }
    }
}

/// Options of the libtorch engine.
public struct TorchEngineOptions: Sendable {
    /// Precision of matrix products and convolutions; everything else is float32.
    public enum Precision: Sendable {
        case float32
        /// With autocast; outlines differ slightly from those in float32.
        case bfloat16
        /// With autocast, on GPUs only.
        case float16

        var dtype: DType {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            case .float16: .float16
            }
        }
    }

    /// The device.
    public var device: Device
    /// Precision of matrix products and convolutions.
    public var precision: Precision

    /// Creates options.
    ///
    /// - Parameters:
    ///   - device: the device.
    ///   - precision: precision of matrix products and convolutions.
    public init(device: Device = .cpu, precision: Precision = .float32) {
        self.device = device
        self.precision = precision
    }

    /// Runs inference with these options on this thread.
    func run<Result>(_ body: () -> Result) -> Result {
        withoutGrad {
            withAutocast(to: precision.dtype, on: Device(device.kind), body)
        }
    }
}

extension Tensor {
    /// A batch of one, `[1, C, H, W]`.
    init(_ planes: Planes) {
        self.init(planes.values, shape: [1, planes.channels, planes.height, planes.width])
    }
}

extension Planes {
    /// The planes of a tensor `[C, H, W]`.
    init(_ tensor: Tensor) {
        let shape = tensor.shape
        self.init(channels: shape[0], height: shape[1], width: shape[2], values: tensor.floats())
    }
}

extension PromptTensors {
    /// Copies encoded prompts to a device.
    ///
    /// - Parameters:
    ///   - prompts: points, boxes and masks as arrays.
    ///   - masks: logits of earlier masks, `[B, 1, 4 H, 4 W]`, in place of those in `prompts`.
    ///   - device: the device of the tensors.
    public init(_ prompts: PromptArrays, masks: Tensor? = nil, on device: Device) {
        let (count, points) = (prompts.count, prompts.pointCount)
        let side = Int(Double(prompts.masks.count / max(count, 1)).squareRoot())
        func tensor(_ values: [Float], _ shape: [Int]) -> Tensor? {
            values.isEmpty ? nil : Tensor(values, shape: shape).to(device)
        }
        self.init(
            points: tensor(prompts.points, [count, points, 2]),
            labels: tensor(prompts.labels, [count, points]),
            boxes: tensor(prompts.boxes, [count, 4]),
            masks: masks ?? tensor(prompts.masks, [count, 1, side, side]))
    }
}

/// The masks of a decoder's output, prompt by prompt.
///
/// - Parameters:
///   - masks: the output.
///   - model: the model's name, for the error.
/// - Returns: M predictions for each prompt.
/// - Throws: ``EngineError/notFinite(model:)`` when logits are NaN or infinite.
func predictions(
    _ masks: DecodedMasks, model: String
) throws(EngineError) -> [[MaskPrediction]] {
    let parts = [masks.logits, masks.iou, masks.presence].compactMap(\.self)
    guard parts.allSatisfy({ $0.isFinite().all().item() == 1 }) else {
        throw .notFinite(model: model)
    }
    let presence = masks.presence.map { sigmoid($0.to(.float32)).floats() }
    return zip(masks.logits.unbound(), masks.iou.unbound()).enumerated().map { prompt, both in
        zip(both.0.unbound(), both.1.floats()).map {
            MaskPrediction(
                logits: Planes($0.unsqueezed(0)), iouEstimate: $1, presence: presence?[prompt])
        }
    }
}
