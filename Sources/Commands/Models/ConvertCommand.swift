import ArgumentParser
import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

/// `samus convert`: writes the weights of a checkpoint as safetensors.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a model's weights as safetensors.",
        usage:
            "samus convert IN OUT.safetensors [--to-half] [--network NAME] [--decoder-heads N] [--force]",
        discussion: """
            IN is a .pth file (zip or pre-1.6 format) or a .safetensors file; no code in it is \
            executed. Tensors keep the authors' names. A prefix 'module.' is removed, and \
            everything that is not a weight, such as optimizer state, is left out. The metadata \
            of OUT states the architecture and its sizes (which tensor shapes alone do not always \
            determine), the SHA-256 of IN, the licence when it is known, and this program. OUT \
            is written completely or not at all.

            --to-half stores floating-point numbers as float16: half the size, 11 bits of \
            precision, at most 65504; a tensor with a larger number is an error. --to-bfloat16 \
            keeps the range, with 8 bits of precision. Both round to nearest. Buffers (the \
            statistics of batch norms, the frequencies of SAM's position encoding) are not \
            changed. Half precision changes outlines slightly: compare them. Weights with NaN or \
            infinity are always refused.

            --network states which network the weights are where tensors alone do not tell: MedSAM \
            has the tensors of SAM.

            Examples:
              samus convert sam_vit_b_01ec64.pth sam.safetensors --to-half
              samus convert medsam_vit_b.pth medsam.safetensors --network medsam

            Research use only, not a medical device.
            """)

    @Argument(
        help: "A model's name or a checkpoint.",
        completion: .file(extensions: ["pth", "pt", "safetensors"]))
    var input: String

    @Argument(help: "The file to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Flag(help: "Store floating-point numbers in 16 bits.")
    var precision: ShortType?

    @Option(help: "The network that the weights are (default: detected from the tensors).")
    var network: ModelArchitecture?

    @Option(
        help: ArgumentHelp(
            "Attention heads of the mask decoder, which the weights do not determine (published "
                + "models: 8).",
            valueName: "n"))
    var decoderHeads: Int?

    @Option(help: ArgumentHelp("The licence of the weights, for the metadata.", valueName: "text"))
    var license: String?

    @Flag(help: "Replace OUT if it exists.")
    var force = false

    func validate() throws {
        try WeightsFile.validate(output)
        guard decoderHeads.map({ (1...1024).contains($0) }) ?? true else {
            throw ValidationError("--decoder-heads: a number from 1 to 1024 is needed")
        }
    }

    func run() throws {
        let (path, source) = try withExitStatus(.unavailable) {
            let path = try ModelCatalog.path(of: input)
            return (path, try Checkpoint.open(path))
        }
        let file = WeightsFile(path: output)
        try file.check(input: path, force: force)
        let network = try withExitStatus(.unavailable) { try self.recognized(source) }
        let metadata = try withExitStatus(.unavailable) {
            try WeightsMetadata(
                network: network, source: source, licence: try licence(of: source),
                origin: "converted\(precision.map { " to \($0.elementType.rawValue)" } ?? "")"
            ).metadata()
        }
        let tensors = source.names.compactMap { name in
            source[name].map { (name: name, tensor: converted($0, named: name)) }
        }
        let written = try file.write(tensors, metadata: metadata)
        try withExitStatus(.output) { Terminal.print(try written.closing(network)) }
    }

    private func converted(_ tensor: StoredTensor, named name: String) -> StoredTensor {
        let type = ModelArchitecture.isBuffer(name) ? nil : precision?.elementType
        return tensor.finite(named: name, as: type == tensor.elementType ? nil : type)
    }

    private func recognized(
        _ source: Checkpoint
    ) throws -> (architecture: ModelArchitecture, sizes: ModelConfiguration)? {
        guard !source.names.isEmpty else { throw CheckpointError.noTensors(keys: []) }
        let architecture = source.architecture(stated: network)
        if let network, architecture != network {
            throw ExitError(
                .input,
                "the tensors are not those of \(network.rawValue), but of "
                    + (architecture?.rawValue ?? "an unknown network"))
        }
        guard decoderHeads == nil || architecture?.hasDecoderHeads ?? false else {
            throw ExitError(
                .input,
                "--decoder-heads is for SAM, SAMUS and AutoSAMUS; this is "
                    + (architecture?.rawValue ?? "none of them"))
        }
        guard let architecture else {
            Terminal.log(
                "note: unknown architecture ('samus info' shows the most similar one); converted "
                    + "without architecture metadata")
            return nil
        }
        return (
            architecture: architecture,
            sizes: try source.configuration(of: architecture, decoderHeads: decoderHeads)
        )
    }

    private func licence(of source: Checkpoint) throws(CheckpointError) -> String? {
        if let license { return license }
        return try ModelCatalog.entry(sha256: source.sha256)?.licence ?? source.statedLicence
    }
}

/// A 16-bit floating-point type, as a flag.
enum ShortType: String, EnumerableFlag {
    case toHalf, toBfloat16

    var elementType: ElementType {
        switch self {
        case .toHalf: .float16
        case .toBfloat16: .bfloat16
        }
    }

    static func help(for value: ShortType) -> ArgumentHelp? {
        switch value {
        case .toHalf: "Store floating-point numbers as float16."
        case .toBfloat16: "Store floating-point numbers as bfloat16."
        }
    }
}

extension Checkpoint {
    /// Opens a checkpoint; the error is a ``ModelError``.
    static func open(_ path: String) throws(ModelError) -> Checkpoint {
        do throws(CheckpointError) {
            return try Checkpoint.read(path)
        } catch {
            throw .unreadable(path: path, error)
        }
    }
}

/// A safetensors file to write, with the checks that protect existing files.
struct WeightsFile {
    let path: String

    /// Refuses a name without the extension `.safetensors`.
    static func validate(_ path: String) throws {
        guard path.lowercased().hasSuffix(".safetensors") else {
            throw ValidationError(
                "'\(path)' is written as safetensors: its name must end in .safetensors")
        }
    }

    /// Refuses to replace the input, and without `--force` any file.
    ///
    /// - Throws: ``ExitError``.
    func check(input: String, force: Bool) throws {
        let existing = FileIdentity(path)
        guard existing == nil || existing != FileIdentity(input) else {
            throw ExitError(
                .input,
                "'\(path)' is the input, which is never replaced: choose another file")
        }
        try OutputFile(path: path).check(force: force, option: "file")
    }

    /// Writes the file and reads it back.
    ///
    /// - Parameters:
    ///   - tensors: the weights.
    ///   - metadata: the metadata of the file.
    /// - Returns: the file that was written.
    /// - Throws: ``ExitError``, also for a tensor with NaN or infinity.
    func write(
        _ tensors: [(name: String, tensor: StoredTensor)], metadata: [String: String]
    ) throws -> Checkpoint {
        var progress = ProgressBar(total: tensors.count)
        defer { progress.clear() }
        do throws(CheckpointError) {
            try Safetensors.write(tensors, metadata: metadata, to: path) { done in
                progress.show(done: done, name: path)
            }
            return try Checkpoint.read(path)
        } catch {
            progress.clear()
            if case .writeFailed = error { throw ExitError(.output, "\(error)") }
            throw ExitError(.unavailable, "\(error); nothing was written")
        }
    }
}

/// The metadata that this program writes into a file of weights.
struct WeightsMetadata {
    /// How the origin of untrained weights begins.
    static let notTrained = "not trained"

    /// The architecture and its sizes, where they are known.
    var network: (architecture: ModelArchitecture, sizes: ModelConfiguration)?
    /// The checkpoint that the weights come from.
    let source: Checkpoint
    var licence: String?
    /// How the weights were made from those of the source.
    let origin: String

    /// All entries; other metadata of the source is kept.
    func metadata() throws(CheckpointError) -> [String: String] {
        var metadata = source.metadata
        // The transformers library in Python loads only files with this entry.
        metadata["format"] = "pt"
        metadata["license"] = licence ?? metadata["license"]
        if let (architecture, sizes) = network {
            metadata[Checkpoint.architectureKey] = architecture.rawValue
            metadata[SAMConfiguration.metadataKey] = sizes.metadata
        }
        metadata["samus.source"] = URL(fileURLWithPath: source.path).lastPathComponent
        metadata["samus.source.sha256"] = try source.sha256
        // The former origin stays, because it says whether the weights were ever trained.
        metadata["samus.origin"] =
            (metadata["samus.origin"].map { "\($0); " } ?? "") + origin
        metadata["samus.program"] = "samus \(ProgramVersion.current)"
        metadata["samus.notice"] = ResearchNotice.text
        return metadata
    }
}

extension Checkpoint {
    /// The last lines of a command that wrote this file.
    func closing(_ network: (architecture: ModelArchitecture, sizes: ModelConfiguration)?) throws
        -> String
    {
        let tensors = names.compactMap { self[$0] }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        let types = Set(tensors.map(\.elementType.rawValue)).sorted().joined(separator: ", ")
        return """
            \(network.map { $0.architecture.text($0.sizes) } ?? "unknown architecture"): \
            \(names.count) tensors, \(parameterCount.formatted()) parameters, \
            \(bytes.formatted()) bytes, \(types)
            \(path.visibleLine) (SHA-256 \(try sha256.prefix(12))…)
            \(ResearchNotice.text)
            """
    }
}
