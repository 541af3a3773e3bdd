import ArgumentParser
import Checkpoints
import Export
import SAMUSCommand
import Segmentation
import TorchEngine

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Turn a model into a bundle that runs without libtorch.")
    @Argument var model: String
    @Argument var output: String
    @Argument var pictures: [String] = []
    @Flag var half = false
    func run() throws {
        let checkpoint = try Checkpoint.read(try ModelCatalog.path(of: model))
        let kind = ModelKind(names: checkpoint.names)!
        let sized = try SizedNetwork(kind, checkpoint: checkpoint)
        sized.network.setTrainable(false)
        sized.network.evaluate()
        sized.network.foldBatchNorms()
        try Draft.write(sized.network, kind: kind, inputSize: sized.inputSize, to: output, pictures: pictures, half: half)
    }
}
