import Checkpoints
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A network of SAM's family on libtorch.
public final class TorchSegmentationEngine: SegmentationEngine, @unchecked Sendable {
    // Modules are not written to after `init`, and libtorch's operators may run on any thread.
    let network: any PromptableNetwork
    private let inputSize: Int
    private let options: TorchEngineOptions
    /// What the model is and where it comes from.
    public let model: ModelDescription

    /// Loads the weights, all names, shapes and types checked, and readies them for inference.
    ///
    /// - Parameters:
    ///   - checkpoint: the model's weights.
    ///   - model: what they are.
    ///   - options: device and precision.
    /// - Throws: `ConfigurationError` and `ModuleLoadError` when they do not fit,
    ///   `CheckpointError` when they cannot be read, `TorchError` when the device cannot be used.
    public init(
        checkpoint: Checkpoint, model: ModelDescription, options: TorchEngineOptions = .init()
    ) throws {
        try options.device.check()
        let (network, configuration) = try NetworkRegistry.load(model.kind, from: checkpoint)
        self.network = network
        inputSize = configuration.inputSize
        self.model = model
        self.options = options
        network.setTrainable(false)
        network.evaluate()
        network.move(to: options.device)
        network.foldBatchNorms()
    }

    /// An engine of a network that is ready for inference on the CPU.
    ///
    /// - Parameters:
    ///   - network: with its weights.
    ///   - inputSize: height and width of its input in pixels.
    ///   - model: what it is.
    public init(network: any PromptableNetwork, inputSize: Int, model: ModelDescription) {
        self.network = network
        self.inputSize = inputSize
        self.model = model
        options = .init()
    }

    /// Encodes an image.
    public func encode(_ image: Image) throws -> any EncodedImage {
        let geometry = InputGeometry(
            original: image.size, inputSize: inputSize, preprocessing: model.kind.preprocessing)
        let input = Tensor(geometry.prepare(image)).to(options.device)
        let embedding = options.run { network.encode(input) }
        return Embedded(engine: self, geometry: geometry, embedding: embedding)
    }

    private struct Embedded: EncodedImage {
        let engine: TorchSegmentationEngine
        let geometry: InputGeometry
        let embedding: Tensor

        func predict(
            _ prompts: [Prompt.Checked], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            precondition(
                prompts.allSatisfy { $0.size == size }, "prompts for an image of \(size)")
            return try prompts.predictedTogether { try predictAlike($0, multimask: multimask) }
        }

        private func predictAlike(
            _ prompts: [Prompt], multimask: Bool
        ) throws -> [[MaskPrediction]] {
            let tensors = PromptTensors(
                prompts, in: geometry, maskSide: 4 * embedding.size(2),
                device: engine.options.device)
            let (logits, iou) = engine.options.run {
                engine.network.decode(embedding, prompts: tensors, multimask: multimask)
            }
            return try predictions(logits: logits, iou: iou, model: engine.model.name)
        }

        func predictPromptFree() throws -> MaskPrediction {
            let found = engine.options.run { engine.network.decodePromptFree(embedding) }
            guard let (logits, iou) = found else {
                throw EngineError.needsPrompt(model: engine.model.name)
            }
            return try predictions(logits: logits, iou: iou, model: engine.model.name)[0][0]
        }
    }
}

/// How the libtorch engine runs.
public struct TorchEngineOptions: Sendable {
    /// Precision of matrix products and convolutions; everything else is float32.
    public enum Precision: Sendable {
        case float32
        /// By autocast. Outlines differ a little from float32's.
        case bfloat16

        var dtype: DType {
            switch self {
            case .float32: .float32
            case .bfloat16: .bfloat16
            }
        }
    }

    /// Where it runs.
    public var device: Device
    /// Precision of matrix products and convolutions.
    public var precision: Precision

    /// Options.
    ///
    /// - Parameters:
    ///   - device: where it runs.
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
    /// Prompts of one form, in pixels of the input.
    ///
    /// - Parameters:
    ///   - prompts: in pixels of the image; all with as many clicks, all or none with a box, all
    ///     or none with a mask.
    ///   - geometry: how the image lies in the input.
    ///   - maskSide: height and width of the logits that the prompt encoder takes.
    ///   - device: where the tensors go.
    init(_ prompts: [Prompt], in geometry: InputGeometry, maskSide: Int, device: Device) {
        let clicks = prompts.map { ($0.points + $0.backgroundPoints).map(geometry.prepare) }
        let labels = prompts.map { prompt in
            [Float](repeating: 1, count: prompt.points.count)
                + [Float](repeating: 0, count: prompt.backgroundPoints.count)
        }
        let boxes = prompts.compactMap { $0.box.map(geometry.prepare) }
        let masks = prompts.compactMap { $0.mask.map { geometry.prepare($0, side: maskSide) } }
        let shape = [prompts.count, clicks.first?.count ?? 0]
        let hasClicks = shape[1] > 0
        self.init(
            points: hasClicks
                ? Tensor(
                    clicks.joined().flatMap { [Float($0.x), Float($0.y)] }, shape: shape + [2]
                ).to(device) : nil,
            labels: hasClicks ? Tensor(Array(labels.joined()), shape: shape).to(device) : nil,
            boxes: boxes.isEmpty
                ? nil
                : Tensor(
                    boxes.flatMap { [$0.x0, $0.y0, $0.x1, $0.y1].map(Float.init) },
                    shape: [boxes.count, 4]
                ).to(device),
            masks: masks.isEmpty
                ? nil : Tensor.concatenate(masks.map { Tensor($0) }).to(device))
    }
}

/// The masks of a decoder's output, prompt by prompt.
///
/// - Parameters:
///   - logits: `[B, M, H, W]`.
///   - iou: `[B, M]`.
///   - model: its name, for the error.
/// - Returns: M predictions for each prompt.
/// - Throws: ``EngineError/notFinite(model:)`` rather than a mask made of NaN.
func predictions(
    logits: Tensor, iou: Tensor, model: String
) throws(EngineError) -> [[MaskPrediction]] {
    guard logits.isFinite().all().item() == 1, iou.isFinite().all().item() == 1 else {
        throw .notFinite(model: model)
    }
    return zip(logits.unbound(), iou.unbound()).map { logits, iou in
        zip(logits.unbound(), iou.floats()).map {
            MaskPrediction(logits: Planes($0.unsqueezed(0)), iouEstimate: $1)
        }
    }
}
