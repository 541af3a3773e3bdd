import ArgumentParser
import Checkpoints
import FileIO
import Foundation
import Inference
import Segmentation

/// `samus init`: initial weights for training, taken from SAM.
public struct InitCommand: ParsableCommand {
    /// The name, the help text and examples.
    public static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make initial weights of SAMUS or AutoSAMUS from SAM's weights.",
        usage: "samus init --from SAM.pth OUT.safetensors [--network samus] [--seed N] [--force]",
        discussion: """
            Copies every tensor of SAM (ViT-B, L or H, detected from the file) that SAMUS has, \
            resizes the relative position tables of the global attention blocks to the smaller \
            grid, and initializes the new parts as PyTorch does, reproducibly from the seed. \
            AutoSAMUS can also be made from a trained SAMUS, which is what its authors do.

            The result has to be trained, because its new parts are random. The metadata of OUT \
            states where the weights come from.

            Example:
              samus init --from sam_vit_b_01ec64.pth samus.safetensors

            Research use only, not a medical device.
            """)

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp(
            "The weights of SAM, or for AutoSAMUS also of SAMUS.", valueName: "file"),
        completion: .file(extensions: ["pth", "safetensors"]))
    var source: String

    @Argument(help: "The file to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Option(help: "The model to make weights for.")
    var network = ModelArchitecture.samus

    @Option(help: ArgumentHelp("Seed of the random values of new parts.", valueName: "n"))
    var seed: UInt64 = 0

    @Flag(help: "Replace OUT if it exists.")
    var force = false

    @Flag(help: "List every tensor and its origin.")
    var verbose = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Checks how the options go together.
    public func validate() throws {
        try WeightsFile.validate(output)
        guard !network.startsFrom.isEmpty else {
            let known = ModelArchitecture.all.filter { !$0.startsFrom.isEmpty }
            throw ValidationError(
                "--network \(network.commandName): choose one of "
                    + known.map(\.commandName).joined(separator: ", "))
        }
    }

    /// Makes the weights and writes them.
    public func run() throws {
        guard let provider = EngineProviders.current else { try Handover.toTrain() }
        let (path, checkpoint) = try withExitStatus(.unavailable) {
            let path = try ModelCatalog.path(of: source)
            return (path, try Checkpoint.open(path))
        }
        let file = WeightsFile(path: output)
        try file.check(input: path, force: force)
        let architecture = network
        let started = try withExitStatus(.unavailable) {
            try provider.start(architecture, from: checkpoint, seed: seed)
        }
        let name = URL(fileURLWithPath: path).lastPathComponent
        let metadata = try withExitStatus(.unavailable) {
            try WeightsMetadata(
                network: (architecture, started.configuration), source: checkpoint,
                licence: checkpoint.statedLicence,
                origin: "\(WeightsMetadata.notTrained); from \(name), seed \(seed): "
                    + started.parts.map { "\($0.names.count) \($0.words)" }.joined(separator: ", ")
            ).metadata()
        }
        let tensors = started.tensors.map { name, tensor in
            (name: name, tensor: tensor.finite(named: name))
        }
        let written = try file.write(tensors, metadata: metadata)
        Terminal.print(started.table(listing: verbose))
        try withExitStatus(.output) {
            Terminal.print(try written.closing((architecture, started.configuration)))
        }
    }
}

extension InitialWeights {
    /// The tensors by where they come from.
    fileprivate var parts: [(words: String, names: [String])] {
        [("taken", taken), ("resized", resized), ("new", new), ("not used", unused)]
    }

    /// How many tensors and numbers of each sort.
    fileprivate func table(listing: Bool) -> String {
        let counts = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor) })
        var lines = parts.map { words, names in
            let numbers = names.compactMap { counts[$0]?.elementCount }.reduce(0, +)
            let width = 18
            let count = "\(names.count)"
            return words.padding(toLength: width - count.count, withPad: " ", startingAt: 0)
                + count + " tensors" + (numbers > 0 ? ", \(numbers.formatted()) numbers" : "")
        }
        if listing {
            lines += parts.flatMap { words, names in
                names.map { "\(words)\t\($0.visibleLine)" }
            }
        }
        return lines.joined(separator: "\n")
    }
}
