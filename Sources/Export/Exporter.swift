import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import SegmentAnything
import Segmentation
import Torch
import TorchEngine
import TorchNN

/// Turns a network into graphs that run without libtorch.
public struct Exporter {
    let network: any PromptableNetwork
    let inputSize: Int
    let graphs: ModelGraphs
    let weightNames: [UnsafeRawPointer: String]
    /// What the model is and where it comes from.
    public let model: ModelDescription
    /// The program that exports, as it is named in what it writes.
    let program: String

    /// Loads a network and records it.
    ///
    /// - Parameters:
    ///   - checkpoint: its weights.
    ///   - model: what they are.
    ///   - program: name and version of the program that exports.
    /// - Throws: `ConfigurationError` and `ModuleLoadError` when the weights do not fit,
    ///   `CheckpointError` when they cannot be read, and why the network cannot be recorded.
    public init(checkpoint: Checkpoint, model: ModelDescription, program: String) throws {
        let (network, configuration) = try NetworkRegistry.load(model.kind, from: checkpoint)
        try self.init(
            network, inputSize: configuration.inputSize, model: model, program: program)
    }

    /// Records a network that has its weights.
    init(
        _ network: any PromptableNetwork, inputSize: Int, model: ModelDescription, program: String
    ) throws {
        self.network = network
        self.inputSize = inputSize
        self.model = model
        self.program = program
        network.setTrainable(false)
        network.evaluate()
        network.foldBatchNorms()
        graphs = try ModelGraphs(
            network, channels: model.kind.preprocessing.channels, inputSize: inputSize)
        weightNames = network.namesByPlace
    }

    /// The network on libtorch, to compare with.
    public var engine: any SegmentationEngine {
        TorchSegmentationEngine(network: network, inputSize: inputSize, model: model)
    }

    /// The geometry of an image in the network's input.
    func geometry(of size: Size) -> InputGeometry {
        InputGeometry(
            original: size, inputSize: inputSize, preprocessing: model.kind.preprocessing)
    }
}

extension Exporter {
    /// A graph of the network, and the file it goes into.
    struct Part {
        enum Role: String {
            case encoder, decoder, auto
        }

        let role: Role
        let graph: Graph

        var file: String { role.rawValue + ".onnx" }

        /// - Returns: the graph with its weights as they are to be stored.
        func stored(
            _ precision: ModelBundle.Manifest.Precision, _ layers: QuantizedLayers?
        ) throws -> Graph {
            var result = graph
            if role == .encoder, let layers { result.quantize(layers.chosen) }
            if precision != .float32 { try result.storeWeightsAsHalf() }
            return result
        }
    }

    /// Encoder, decoder and what finds an object by itself, in float32.
    func parts() throws -> [Part] {
        func part(
            _ role: Part.Role, _ recording: Recording, _ inputs: [String], _ outputs: [String]
        ) throws -> Part {
            Part(
                role: role,
                graph: try Graph(
                    name: role.rawValue, recording, inputs: inputs, outputs: outputs,
                    weightNames: weightNames))
        }
        var parts = [
            try part(.encoder, graphs.encoder, [Tensors.images], [Tensors.embeddings]),
            try part(
                .decoder, graphs.decoder, ModelGraphs.decoderInputs, ModelGraphs.decoderOutputs),
        ]
        if let auto = graphs.auto {
            parts.append(
                try part(.auto, auto, [Tensors.embeddings], ModelGraphs.decoderOutputs))
        }
        return parts
    }

    /// Writes a graph.
    ///
    /// - Parameters:
    ///   - graph: as it is to be stored.
    ///   - path: of its file, which appears whole or not at all.
    /// - Returns: the file's size and hash.
    /// - Throws: ``ExportError``, `FileError`.
    func write(_ graph: Graph, to path: String) throws -> ModelBundle.Manifest.File {
        var sink = HashedFile(file: try AtomicFile(path))
        try ONNXFile.write(graph, remarks: remarks, to: &sink)
        try sink.file.commit()
        return .init(bytes: sink.bytes, sha256: sink.hash.hexDigest)
    }
}

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
            axes: [.init(name: "images", input: 0, place: 0, length: 1)],
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
        guard withoutGrad({ network.decodePromptFree(one) }) != nil else {
            auto = nil
            return
        }
        auto = try Recording(
            axes: [.init(name: "images", input: 0, place: 0, length: 1)],
            inputs: { [.zeros([$0[0], width, grid, grid])] },
            { inputs in
                network.decodePromptFree(inputs[0]).map { [$0.logits, $0.iou] } ?? []
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

/// Why a network cannot be exported.
public enum ExportError: Error, Equatable, Sendable {
    case unknownOperator(String)
    case unknownForm(op: String, what: String)
    case tooLarge(bytes: Int)
    case outOfHalfRange(constant: String, value: Double)
    case needsProportions(network: String, type: String)
    case otherEmbedding(width: Int, side: Int, neededWidth: Int, largestSide: Int)
}

extension ExportError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .unknownOperator(let op):
            "the operator '\(op)' has no form in ONNX here"
        case .unknownForm(let op, let what):
            "'\(op)' with \(what) has no form in ONNX here"
        case .tooLarge(let bytes):
            "one ONNX file of \(bytes.formatted()) bytes would be needed, 2 GiB are the most: store "
                + "the weights as f16 (--precision f16-weights)"
        case .outOfHalfRange(let constant, let value):
            "'\(constant)' holds \(value), and float16 ends at 65504: it cannot be stored as f16"
        case .needsProportions(let network, let type):
            "X-AnyLabeling's '\(type)' stretches images to a square, and \(network) needs their "
                + "proportions: give --tool-type efficientvit_sam"
        case .otherEmbedding(let width, let side, let neededWidth, let largestSide):
            "X-AnyLabeling takes embeddings of \(neededWidth) numbers for each of at most "
                + "\(largestSide)x\(largestSide) places, this network's have \(width) for each of "
                + "\(side)x\(side)"
        }
    }
}
