import Checkpoints
import FileIO
import Imaging
import Inference
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// Exports a network as ONNX graphs that run without libtorch.
///
/// The steps, in order: record the network on libtorch (`ModelRecordings`), lower each recording to
/// ONNX operators (`Lowering`), pass the graphs through the passes that the precision needs
/// (`Passes/`), and write them (`Writers/`) as a model bundle, as ONNX files alone, or as what an
/// annotation tool loads.
public struct Exporter {
    let network: any SegmentationNetwork
    let inputSize: Int
    let recordings: ModelRecordings
    /// Names of the network's weights, by their addresses.
    let weightNames: [UnsafeRawPointer: String]
    /// The metadata of the checkpoint.
    let checkpointMetadata: [String: String]
    /// Name, architecture and origin of the model.
    public let model: ModelDescription
    /// Name and version of the program that exports, written into every file.
    let program: String

    /// Loads a network and records it.
    ///
    /// - Parameters:
    ///   - checkpoint: its weights.
    ///   - model: name, architecture and origin of the model.
    ///   - program: name and version of the program that exports.
    /// - Throws: `ConfigurationError` and `ModuleLoadError` when the weights do not fit,
    ///   `CheckpointError` when they cannot be read, or one is NaN or infinite, `TraceError` and `RecordingError` when the
    ///   network cannot be recorded.
    public init(checkpoint: Checkpoint, model: ModelDescription, program: String) throws {
        try checkpoint.checkFinite()
        let (network, configuration) = try NetworkRegistry.loadMerged(
            model.architecture, from: checkpoint)
        var model = model
        var metadata = checkpoint.metadata
        model.network?.encoder = configuration.encoderName
        model.network?.parameters = network.parameters.reduce(0) { $0 + $1.value.elementCount }
        let adapter = try checkpoint.configuration(of: model.architecture).adapter
        if let adapter, adapter != configuration.adapter {
            model.origin = (model.origin.map { "\($0); " } ?? "") + "\(adapter.text) merged"
            metadata[SAMConfiguration.metadataKey] = configuration.metadata
            metadata[EncoderAdapter.metadataKey] = nil
            metadata["samus.origin"] = model.origin
        }
        try self.init(
            network, inputSize: configuration.inputSize, model: model, program: program,
            metadata: metadata)
    }

    /// Records a network whose weights are loaded.
    init(
        _ network: any SegmentationNetwork, inputSize: Int, model: ModelDescription,
        program: String, metadata: [String: String] = [:]
    ) throws {
        checkpointMetadata = metadata
        self.network = network
        self.inputSize = inputSize
        self.model = model
        self.program = program
        network.setTrainable(false)
        network.evaluate()
        network.foldBatchNorms()
        // What is computed from weights alone is cached now, and is a constant of the recording.
        let channels = model.architecture.preprocessing.channels
        withoutGrad { _ = network.encode(.zeros([1, channels, inputSize, inputSize])) }
        recordings = try ModelRecordings(
            network, channels: model.architecture.preprocessing.channels, inputSize: inputSize)
        weightNames = network.weightNamesByAddress
    }

    /// The network on libtorch, the reference for exported graphs.
    public var engine: any SegmentationEngine {
        TorchSegmentationEngine(network: network, inputSize: inputSize, model: model)
    }

    /// The position of an image in the network's input.
    func geometry(of size: Size) -> InputGeometry {
        InputGeometry(
            original: size, inputSize: inputSize, preprocessing: model.architecture.preprocessing)
    }
}

/// One graph of an exported model.
struct ModelGraph {
    /// What the graph computes; raw values are the names of graph and file.
    enum Role: String {
        case encoder, decoder
        /// The decoder that takes no prompt.
        case promptFree = "auto"
    }

    let role: Role
    var graph: Graph

    /// Name of the ONNX file.
    var fileName: String { role.rawValue + ".onnx" }
}

extension Exporter {
    /// The graphs with weights stored in a precision.
    ///
    /// - Parameters:
    ///   - precision: how weights are stored and products computed.
    ///   - layers: layers of the encoder to compute in 8-bit integers.
    /// - Returns: the encoder, and the decoders that the network has: of prompts, and prompt-free.
    /// - Throws: ``ExportError``.
    func graphs(
        precision: ModelBundle.Manifest.Precision, layers: QuantizedLayers?
    ) throws -> [ModelGraph] {
        try float32Graphs().map { part in
            var part = part
            if part.role == .encoder, let layers {
                part.graph = part.graph.quantizing(layers.integerLayers)
            }
            if precision != .float32 {
                part.graph = try part.graph.storingWeightsAsFloat16()
            }
            return part
        }
    }

    /// The graphs as lowered from the recordings, in float32.
    func float32Graphs() throws -> [ModelGraph] {
        var parts = [
            try lowered(
                recordings.encoder, as: .encoder, inputs: [TensorNames.images],
                outputs: [TensorNames.embeddings])
        ]
        if let decoder = recordings.decoder {
            parts.append(
                try lowered(
                    decoder, as: .decoder, inputs: ModelRecordings.decoderInputs,
                    outputs: ModelRecordings.decoderOutputs
                        + (recordings.hasPresence ? [TensorNames.presence] : [])))
        }
        if let promptFree = recordings.promptFree {
            parts.append(
                try lowered(
                    promptFree, as: .promptFree, inputs: [TensorNames.embeddings],
                    outputs: ModelRecordings.decoderOutputs))
        }
        return parts
    }

    private func lowered(
        _ recording: Recording, as role: ModelGraph.Role, inputs: [String], outputs: [String]
    ) throws -> ModelGraph {
        ModelGraph(
            role: role,
            graph: try Graph(
                name: role.rawValue, recording, inputs: inputs, outputs: outputs,
                weightNames: weightNames, derivedWeights: network.derivedWeightsByAddress))
    }
}

extension Module {
    /// Tensors that are computed from weights before recording, by their addresses: convolutions with
    /// a folded batch norm, and the biases of attention in windows.
    fileprivate var derivedWeightsByAddress: [UnsafeRawPointer: WeightOrigin] {
        var origins: [UnsafeRawPointer: WeightOrigin] = [:]
        visit { name, module in
            func add(_ tensor: Tensor, _ weight: String, _ operation: WeightOrigin.Operation) {
                guard let address = tensor.withUnsafeBytes({ $0.baseAddress }) else { return }
                origins[address] = WeightOrigin(weight: "\(name).\(weight)", operation: operation)
            }
            if let folded = (module as? ConvBatchNorm)?.foldedWeight {
                let factors = folded.scale.reshaped([-1, 1, 1, 1])
                add(folded.weight, ConvBatchNorm.weightName, .scaled(factors))
            } else if let cached = (module as? WindowAttention)?.cachedBiases {
                add(cached.biases, WindowAttention.biasesName, .gathered(cached.rows))
            }
        }
        return origins
    }

    /// The names of all weights and buffers, by their addresses.
    fileprivate var weightNamesByAddress: [UnsafeRawPointer: String] {
        Dictionary(
            namedValues().compactMap { name, value in
                value.value.withUnsafeBytes { $0.baseAddress }.map { ($0, name) }
            }, uniquingKeysWith: { first, _ in first })
    }
}
