import ArgumentParser
import Checkpoints
import Foundation
import Imaging
import Segmentation

/// `samus convert`: any file of weights to safetensors.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Write a model's weights as safetensors.",
        usage: "samus convert IN OUT.safetensors [--to-half] [--decoder-heads N] [--force]",
        discussion: """
            IN is a .pth (new or pre-1.6 form) or .safetensors file; nothing in it is run. Tensors \
            keep the authors' names; a prefix 'module.' and what lies beside the weights, as an \
            optimizer's state, are left out. OUT states the network and its sizes, so that it \
            can be loaded where shapes alone do not tell them, the SHA-256 of IN, the licence \
            when it is known, and this program. It appears whole or not at all.

            --to-half stores floating point numbers as float16: half the size, 11 bits of \
            precision, at most 65504. A larger number is refused and its tensor named; \
            --to-bfloat16 keeps the range with 8 bits of precision. Both round to the nearest. \
            What a network keeps itself (batch norms' statistics, the frequencies of SAM's \
            position encoding) stays as it is. Half precision changes outlines a little: compare \
            them. Weights that hold NaN or infinity are refused always.

            Research use only, not a medical device.
            """)

    @Argument(
        help: "A model's name, or a checkpoint file.",
        completion: .file(extensions: ["pth", "pt", "safetensors"]))
    var input: String

    @Argument(help: "The file to write.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Flag(help: "Store floating point numbers in 16 bits.")
    var precision: ShortType?

    @Option(
        help: ArgumentHelp(
            "Attention heads of the mask decoder, which weights do not tell; 8 as published.",
            valueName: "n"))
    var decoderHeads: Int?

    @Option(help: ArgumentHelp("The licence of the weights, to be stated.", valueName: "text"))
    var license: String?

    @Flag(help: "Replace OUT when it exists.")
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
        let network = try withExitStatus(.unavailable) { try self.network(of: source) }
        let metadata = try withExitStatus(.unavailable) {
            try WeightsRemarks(
                network: network, source: source, licence: try licence(of: source),
                origin: "converted\(precision.map { " to \($0.elementType.rawValue)" } ?? "")"
            ).metadata()
        }
        let tensors = source.names.compactMap { name in
            source[name].map { (name: name, tensor: converted($0, named: name)) }
        }
        let written = try file.write(tensors, metadata: metadata)
        try withExitStatus(.output) { print(try written.closing(network)) }
    }

    private func converted(_ tensor: StoredTensor, named name: String) -> StoredTensor {
        let type = ModelArchitecture.isBuffer(name) ? nil : precision?.elementType
        return tensor.finite(named: name, as: type == tensor.elementType ? nil : type)
    }

    private func network(
        of source: Checkpoint
    ) throws -> (kind: ModelArchitecture, sizes: SAMConfiguration)? {
        guard !source.names.isEmpty else { throw CheckpointError.noTensors(keys: []) }
        let kind = ModelArchitecture(names: source.names)
        guard decoderHeads == nil || kind.map({ $0 != .liteMedSAM }) ?? false else {
            throw ExitError(
                .input,
                "--decoder-heads is for SAM, SAMUS and AutoSAMUS; this is "
                    + (kind?.rawValue ?? "none of them"))
        }
        guard let kind else {
            Terminal.log(
                "note: no network this program knows ('samus info' says which is nearest); "
                    + "converted as it is")
            return nil
        }
        return (kind: kind, sizes: try source.sizes(of: kind, decoderHeads: decoderHeads))
    }

    private func licence(of source: Checkpoint) throws(CheckpointError) -> String? {
        if let license { return license }
        return try ModelCatalog.entry(sha256: source.sha256)?.licence ?? source.statedLicence
    }
}

/// A floating point type of 16 bits, as a flag.
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
        case .toHalf: "Store floating point numbers as float16."
        case .toBfloat16: "Store them as bfloat16."
        }
    }
}

extension Checkpoint {
    /// Opens a file, its error in the words of a model's.
    static func open(_ path: String) throws(ModelError) -> Checkpoint {
        do throws(CheckpointError) {
            return try Checkpoint.read(path)
        } catch {
            throw .unreadable(path: path, error)
        }
    }
}

/// A safetensors file of weights to be written: what must not happen to it, and its remarks.
struct WeightsFile {
    let path: String

    /// Refuses a name that says another format.
    static func validate(_ path: String) throws {
        guard path.lowercased().hasSuffix(".safetensors") else {
            throw ValidationError(
                "'\(path)' is written as safetensors: give it a name that ends in .safetensors")
        }
    }

    /// Refuses to replace the input, or any file without `--force`, before any work.
    ///
    /// - Throws: an exit code, its reason said.
    func check(input: String, force: Bool) throws {
        let existing = FileIdentity(path)
        guard existing == nil || existing != FileIdentity(input) else {
            throw ExitError(
                .input,
                "'\(path)' is the input: name another file, it is never replaced")
        }
        guard existing == nil || force else {
            throw ExitError(
                .output,
                "'\(path)' exists already: add --force to replace it, or name another file")
        }
    }

    /// Writes the file, and reads it back.
    ///
    /// - Parameters:
    ///   - tensors: all must be of finite numbers; those that are not are named.
    ///   - metadata: remarks.
    /// - Returns: the file as it now is.
    /// - Throws: an exit code, its reason said.
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

/// What a file of weights says about itself.
struct WeightsRemarks {
    /// What the origin of weights says that no training has seen.
    static let notTrained = "not trained"

    /// The network and its sizes, where they are known.
    var network: (kind: ModelArchitecture, sizes: SAMConfiguration)?
    /// The file that the weights come from.
    let source: Checkpoint
    var licence: String?
    /// How they were made of those of the source.
    let origin: String

    /// As they stand in the file; what the source says besides is kept.
    func metadata() throws(CheckpointError) -> [String: String] {
        var metadata = source.metadata
        // What Python's programs look for before they take the tensors as theirs.
        metadata["format"] = "pt"
        metadata["license"] = licence ?? metadata["license"]
        if let (kind, sizes) = network {
            metadata["samus.kind"] = kind.rawValue
            if kind != .liteMedSAM {
                metadata[SAMConfiguration.metadataKey] = sizes.json
            }
        }
        metadata["samus.source"] = URL(fileURLWithPath: source.path).lastPathComponent
        metadata["samus.source.sha256"] = try source.sha256
        // That weights were never trained stays with them.
        metadata["samus.origin"] =
            (metadata["samus.origin"].map { "\($0); " } ?? "") + origin
        metadata["samus.program"] = "samus \(ProgramVersion.current)"
        metadata["samus.notice"] = ResearchNotice.text
        return metadata
    }
}

extension Checkpoint {
    /// The lines that end a command that wrote this file.
    func closing(_ network: (kind: ModelArchitecture, sizes: SAMConfiguration)?) throws -> String {
        let tensors = names.compactMap { self[$0] }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        let types = Set(tensors.map(\.elementType.rawValue)).sorted().joined(separator: ", ")
        return """
            \(network.map { $0.kind.text($0.sizes) } ?? "no network this program knows"): \
            \(names.count) tensors, \(parameterCount.formatted()) parameters, \
            \(bytes.formatted()) bytes, \(types)
            \(path.visibleLine) (SHA-256 \(try sha256.prefix(12))…)
            \(ResearchNotice.text)
            """
    }
}
