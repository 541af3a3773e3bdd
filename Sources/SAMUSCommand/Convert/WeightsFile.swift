import ArgumentParser
import Checkpoints
import Foundation
import Imaging
import Segmentation

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
            throw Failure.input.because(
                "'\(path)' is the input: name another file, it is never replaced")
        }
        guard existing == nil || force else {
            throw Failure.output.because(
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
            if case .writeFailed = error { throw Failure.output.because("\(error)") }
            throw Failure.unavailable.because("\(error); nothing was written")
        }
    }
}

/// What a file of weights says about itself.
struct WeightsRemarks {
    /// What the origin of weights says that no training has seen.
    static let notTrained = "not trained"

    /// The network and its sizes, where they are known.
    var network: (kind: ModelKind, sizes: SAMConfiguration)?
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
    func closing(_ network: (kind: ModelKind, sizes: SAMConfiguration)?) throws -> String {
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
