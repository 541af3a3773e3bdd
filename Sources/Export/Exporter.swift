import Checkpoints
import Files
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
        let sized = try SizedNetwork(model.kind, checkpoint: checkpoint)
        try self.init(
            sized.network, inputSize: sized.inputSize, model: model, program: program)
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
            network, channels: model.kind.preparation.channels, inputSize: inputSize)
        weightNames = network.namesByPlace
    }

    /// The network on libtorch, to compare with.
    public var engine: any SegmentationEngine {
        TorchSegmentationEngine(network: network, inputSize: inputSize, model: model)
    }

    /// The geometry of a picture in the network's input.
    func geometry(of size: Size) -> InputGeometry {
        InputGeometry(
            original: size, inputSize: inputSize, preparation: model.kind.preparation)
    }
}
