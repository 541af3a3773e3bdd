import ArgumentParser
import Checkpoints
import FileIO
import Foundation
import Inference

/// `samus average`: writes the weighted mean of checkpoints of one network.
struct AverageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "average", abstract: "Write the mean of several weights of one network.",
        usage: "samus average IN IN... --output OUT.safetensors [--weights 0.35,0.65]",
        discussion: """
            The mean of weights that were trained from the same start is often better than each \
            of them on images that differ from the training (model soups: Wortsman and others, \
            ICML 2022). Measure it: 'samus evaluate --split val'.

            Inputs are .safetensors or .pth files with the same tensors. Floating-point numbers \
            are averaged and written as float32; whole numbers, such as the counters of batch \
            norms, are those of the first input. The metadata of OUT states the inputs with their \
            SHA-256 and weights.

            Example:
              samus average runs/a/weights/last.safetensors runs/b/weights/last.safetensors \
            -o mean.safetensors

            Research use only, not a medical device.
            """)

    @Argument(
        help: "Models' names or checkpoints, at least two.",
        completion: .file(extensions: ["pth", "pt", "safetensors"]))
    var inputs: [String]

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"),
        completion: .file(extensions: ["safetensors"]))
    var output: String

    @Option(
        help: ArgumentHelp(
            "The weight of each input, separated by commas; they are divided by their sum "
                + "(default: equal weights).", valueName: "list"))
    var weights: NumberList?

    @Flag(help: "Replace OUT if it exists.")
    var force = false

    func validate() throws {
        try WeightsFile.validate(output)
        guard inputs.count > 1 else { throw ValidationError("give at least two inputs") }
        guard let weights = weights?.numbers else { return }
        guard weights.count == inputs.count else {
            throw ValidationError(
                "--weights has \(weights.count) numbers for \(inputs.count) inputs")
        }
        let sum = weights.reduce(0, +)
        guard weights.allSatisfy({ $0 >= 0 }), sum.isFinite, sum > 0 else {
            throw ValidationError("--weights takes numbers from 0, of which one is above 0")
        }
    }

    func run() throws {
        let checkpoints = try withExitStatus(.unavailable) {
            try inputs.map { try Checkpoint.open(try ModelCatalog.path(of: $0)) }
        }
        let file = WeightsFile(path: output)
        for checkpoint in checkpoints { try file.check(input: checkpoint.path, force: force) }
        let mean = try withExitStatus(.unavailable) {
            try WeightsMean(checkpoints, shares: shares)
        }
        let first = checkpoints[0]
        // Sizes that the tensors do not determine are in the metadata of the first input, which stay.
        let network = first.architecture.flatMap { architecture in
            (try? first.configuration(of: architecture, decoderHeads: nil)).map {
                (architecture: architecture, sizes: $0)
            }
        }
        var metadata = try withExitStatus(.unavailable) {
            try WeightsMetadata(
                network: network, source: first, licence: try licence(of: checkpoints), origin: ""
            ).metadata()
        }
        metadata["samus.origin"] = try withExitStatus(.unavailable) { try origin(of: checkpoints) }
        for key in metadata.keys where key.hasPrefix("samus.training.") { metadata[key] = nil }
        let written = try file.write(mean.tensors, metadata: metadata)
        try withExitStatus(.output) { Terminal.print(try written.closing(network)) }
    }

    /// The weights of the inputs; their sum is 1.
    private var shares: [Double] {
        let weights = weights?.numbers ?? inputs.map { _ in 1 }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }

    /// The licence that all inputs state; nil where they differ, so that nobody relies on the wrong one.
    private func licence(of checkpoints: [Checkpoint]) throws(CheckpointError) -> String? {
        var found: Set<String?> = []
        for checkpoint in checkpoints {
            found.insert(
                try ModelCatalog.entry(sha256: checkpoint.sha256)?.licence
                    ?? checkpoint.statedLicence)
        }
        guard found.count == 1 else {
            Terminal.log("note: the inputs state different licences; OUT must respect all of them")
            return "several: " + found.map { $0 ?? "none stated" }.sorted().joined(separator: "; ")
        }
        return found.first ?? nil
    }

    private func origin(of checkpoints: [Checkpoint]) throws(CheckpointError) -> String {
        var parts: [String] = []
        for (checkpoint, share) in zip(checkpoints, shares) {
            let name = URL(fileURLWithPath: checkpoint.path).lastPathComponent
            parts.append(
                "\(share.formatted(.number.precision(.significantDigits(1...4)))) of \(name) "
                    + "(SHA-256 \(try checkpoint.sha256.prefix(12))…; "
                    + "\(checkpoint.metadata["samus.origin"] ?? "origin not stated"))")
        }
        return "mean of " + parts.joined(separator: " and ")
    }
}

/// Numbers separated by commas.
struct NumberList: ExpressibleByArgument {
    let numbers: [Double]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        numbers = parts.compactMap { Double($0) }
        guard numbers.count == parts.count else { return nil }
    }
}
