import ArgumentParser
import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

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

/// The weighted mean of the tensors of several checkpoints.
private struct WeightsMean {
    private(set) var tensors: [(name: String, tensor: StoredTensor)] = []

    /// - Parameters:
    ///   - checkpoints: at least one; all have the same tensors.
    ///   - shares: the weight of each; the sum is 1.
    /// - Throws: ``ExitError`` for different tensors, `CheckpointError` for NaN and unreadable files.
    init(_ checkpoints: [Checkpoint], shares: [Double]) throws {
        let first = checkpoints[0]
        guard !first.names.contains(where: { $0.contains(".linear_a_") }) else {
            throw ExitError(
                .input,
                "'\(first.path.visibleLine)' has LoRA, and the mean of its factors is not the mean of what "
                    + "they add: export the models, and average the weights of the bundles")
        }
        for other in checkpoints.dropFirst() { try Self.check(other, against: first) }
        for name in first.names {
            guard let tensor = first[name] else { continue }
            guard tensor.elementType.isFloatingPoint else {
                tensors.append((name, tensor))
                continue
            }
            var sums = [Double](repeating: 0, count: tensor.elementCount)
            for (checkpoint, share) in zip(checkpoints, shares) {
                guard let own = checkpoint[name] else { continue }
                let bytes = try own.finite(
                    named: name, as: own.elementType == .float32 ? nil : .float32
                ).bytes()
                bytes.withUnsafeBytes { raw in
                    for (index, value) in raw.bindMemory(to: Float.self).enumerated() {
                        sums[index] += share * Double(value)
                    }
                }
            }
            let mean = sums.map { Float($0) }
            tensors.append(
                (
                    name,
                    StoredTensor(
                        elementType: .float32, shape: tensor.shape,
                        bytes: mean.withUnsafeBytes { Array($0) })
                ))
        }
    }

    private static func check(_ other: Checkpoint, against first: Checkpoint) throws(ExitError) {
        let path = other.path.visibleLine
        guard other.architecture == first.architecture,
            other.metadata[SAMConfiguration.metadataKey]
                == first.metadata[SAMConfiguration.metadataKey]
        else {
            throw ExitError(
                .input,
                "'\(path)' is of another network than '\(first.path.visibleLine)', or of other sizes"
            )
        }
        let missing = Set(first.names).symmetricDifference(other.names).sorted()
        guard missing.isEmpty else {
            throw ExitError(
                .input,
                "'\(path)' is of another network than '\(first.path.visibleLine)': "
                    + "\(missing.count) tensors are in one of them only, for example "
                    + "'\(missing[0].visibleLine)'")
        }
        for name in first.names {
            guard let one = first[name], let two = other[name],
                one.shape != two.shape
                    || one.elementType.isFloatingPoint != two.elementType.isFloatingPoint
            else { continue }
            throw ExitError(
                .input,
                "'\(name.visibleLine)' is \(one.elementType) \(one.shape) in "
                    + "'\(first.path.visibleLine)' and \(two.elementType) \(two.shape) in '\(path)'"
            )
        }
    }
}
