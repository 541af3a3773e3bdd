import ArgumentParser
import Checkpoints
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

/// `samus info`: shows what a model is.
public struct InfoCommand: ParsableCommand {
    /// The name and the help text.
    public static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show the architecture, sizes and origin of a model.",
        discussion: """
            Reads .pth and .safetensors files without executing code in them. Prints the \
            architecture and its sizes; for an unknown file, the most similar architecture and \
            the differences. For a model bundle (a folder .samus) it prints model.json, verifies \
            the SHA-256 of every file, and lists the devices of the runtime.

            Example:
              samus info litemedsam
            """)

    @Argument(
        help: "A model's name, a model bundle or a checkpoint.",
        completion: .model)
    var model: String

    @Flag(help: "List every tensor with its type and shape.")
    var keys = false

    /// The command, to be filled by the parser.
    public init() {}

    /// Prints the table, and with `--keys` the tensors.
    public func run() throws {
        if EngineProviders.current == nil, let bundle = ModelCatalog.bundle(of: model) {
            return try BundleInfo.show(bundle)
        }
        let (path, checkpoint) = try withExitStatus(.unavailable) {
            let path = try ModelCatalog.path(of: model)
            return (path, try Checkpoint.open(path))
        }
        let network = try self.network(of: checkpoint)
        try withExitStatus(.unavailable) {
            do throws(CheckpointError) {
                Terminal.print(try summary(of: checkpoint, at: path, network: network))
            } catch {
                throw ModelError.unreadable(path: path, error)
            }
        }
        if keys {
            for name in checkpoint.names {
                guard let tensor = checkpoint[name] else { continue }
                Terminal.print(
                    "\(name.visibleLine)\t\(tensor.elementType.rawValue)\t\(tensor.shape)")
            }
        }
    }

    /// Describes the architecture; comparing every tensor with it needs libtorch, in `samus-train`.
    private func network(of checkpoint: Checkpoint) throws -> String {
        var opening = "unknown"
        if let architecture = checkpoint.architecture {
            do {
                let sizes = try checkpoint.configuration(of: architecture)
                return try fitted(checkpoint, architecture, sizes)
            } catch let error as ConfigurationError {
                opening = "looks like \(architecture.rawValue), but \(error)".visibleLine
                guard error.isOfTensors else { return opening }
            }
        }
        guard !checkpoint.names.isEmpty else { return "none: there are no tensors" }
        if checkpoint.isTrainingState {
            return "none: the state of a training, for 'samus train --resume'; its weights are in"
                + " last.safetensors beside it"
        }
        guard let provider = EngineProviders.current else {
            guard !Handover.isPossible else { try Handover.toTrain() }
            return opening + "; 'samus-train' finds the most similar one, but is not built "
                + "('make build')"
        }
        return opening
            + (provider.nearestNetwork(to: checkpoint).map { ", nearest to \($0)" }
                ?? ", with nothing in common with a known architecture")
    }

    /// The detected architecture, and where tensors differ from it, how.
    private func fitted(
        _ checkpoint: Checkpoint, _ architecture: ModelArchitecture, _ sizes: ModelConfiguration
    ) throws -> String {
        let text = architecture.text(sizes)
        // Models of the catalog are known to fit.
        guard try ModelCatalog.entry(sha256: checkpoint.sha256) == nil else { return text }
        guard let provider = EngineProviders.current else {
            guard !Handover.isPossible else { try Handover.toTrain() }
            return text + " by names and sizes; 'samus-train' compares every tensor, but is not "
                + "built ('make build')"
        }
        return provider.mismatch(of: checkpoint, architecture: architecture, sizes: sizes)
            .map { "nearly \($0)" } ?? text
    }

    private func summary(
        of checkpoint: Checkpoint, at path: String, network: String
    ) throws(CheckpointError) -> String {
        let sha256 = try checkpoint.sha256
        let known = ModelCatalog.entry(sha256: sha256)
        let architecture = checkpoint.architecture
        let tensors = checkpoint.names.compactMap { checkpoint[$0] }
        var rows: [(String, String)] = [
            ("file", path),
            ("format", checkpoint.format.rawValue),
            ("model", known?.name ?? "not in the catalog"),
            ("network", network),
            ("tensors", "\(tensors.count)"),
            ("parameters", checkpoint.parameterCount.formatted()),
            ("bytes", tensors.reduce(0) { $0 + $1.byteCount }.formatted()),
            (
                "licence",
                known?.licence ?? checkpoint.statedLicence ?? "not stated in the file"
            ),
            ("SHA-256", sha256),
            ("checksums", checkpoint.hasChecksums ? "present and correct" : "none in the file"),
        ]
        if let architecture {
            let stated = PromptKind.stated(in: checkpoint.metadata)
            rows.insert(("trained", architecture.trainingText(stated)), at: 4)
        }
        if let prefix = checkpoint.strippedPrefix {
            rows.append(("prefix", "'\(prefix)' removed from all names"))
        }
        if !checkpoint.ignoredNames.isEmpty {
            rows.append(("left out", checkpoint.ignoredNames.joined(separator: ", ")))
        }
        rows += checkpoint.metadata.sorted { $0.key < $1.key }.map { ("metadata \($0)", $1) }
        rows.append(("notice", ResearchNotice.text))
        let width = 2 + max(12, rows.map(\.0.count).max() ?? 0)
        return rows.map { name, value in
            // Only the text about the network may have several lines.
            let text = name == "network" ? value.visible : value.visibleLine
            return name.visibleLine.padding(toLength: width, withPad: " ", startingAt: 0) + text
        }
        .joined(separator: "\n")
    }
}

/// Shows a model bundle.
enum BundleInfo {
    /// Prints the manifest and verifies all files.
    ///
    /// - Parameter path: the bundle's folder.
    /// - Throws: ``ExitError`` where a file is missing or damaged.
    static func show(_ path: String) throws {
        let bundle = try withExitStatus(.unavailable) {
            do throws(ModelBundleError) {
                return try ModelBundle(URL(fileURLWithPath: path))
            } catch {
                throw ModelError.unreadableBundle(path: path, error)
            }
        }
        let checks = bundle.manifest.files.sorted { $0.key < $1.key }.map { name, file in
            (name, file, failure: failure(of: name, in: bundle))
        }
        let files = checks.map { name, file, failure in
            (
                name,
                "\(file.bytes.formatted()) bytes, SHA-256 "
                    + (failure == nil ? "correct" : "WRONG") + ", \(file.sha256)"
            )
        }
        for (name, value) in rows(of: bundle, at: path) + files + runtime() {
            Terminal.print(
                name.visibleLine.padding(toLength: 14, withPad: " ", startingAt: 0)
                    + (name.count < 14 ? "" : " ") + value.visibleLine)
        }
        for case let failure? in checks.map(\.failure) {
            throw ExitError(.unavailable, "\(failure)")
        }
    }

    private static func failure(of name: String, in bundle: ModelBundle) -> ModelBundleError? {
        do throws(ModelBundleError) {
            try bundle.verify(name)
            return nil
        } catch {
            return error
        }
    }

    private static func rows(of bundle: ModelBundle, at path: String) -> [(String, String)] {
        let manifest = bundle.manifest
        let trained = manifest.trainedPrompts.map(Set.init)
        let prompts = manifest.prompts.map(\.rawValue).joined(separator: ", ")
        let size = "\(manifest.input.size)x\(manifest.input.size)"
        return [
            ("bundle", path),
            ("format", "\(manifest.formatVersion)"),
            ("model", manifest.name),
            ("network", "\(manifest.architecture.rawValue) (\(manifest.encoder), input \(size))"),
            ("trained", manifest.architecture.trainingText(trained)),
            ("prompts", prompts.isEmpty ? "none" : prompts),
            ("candidates", "\(manifest.candidates)"),
            ("parameters", manifest.parameters.formatted()),
            ("weights", manifest.precision.rawValue),
            ("classes", manifest.classes.isEmpty ? "-" : manifest.classes.joined(separator: ", ")),
            ("encoding", manifest.macs.map { "\($0.formatted()) multiplications" } ?? "-"),
            ("licence", manifest.licence ?? "not stated in the bundle"),
            ("origin", manifest.origin ?? "not stated in the bundle"),
            ("made from", "SHA-256 \(manifest.source.sha256)"),
            ("made by", manifest.source.program),
            ("SHA-256", "\(bundle.model.sha256) (of model.json)"),
            ("notice", manifest.notice),
        ]
    }

    /// The runtime and its devices.
    private static func runtime() -> [(String, String)] {
        do throws(OpenVINOError) {
            let library = try OpenVINOLibrary.shared()
            let core = try OpenVINOCore(library)
            let devices = try core.devices().map { ("device \($0)", core.fullName(of: $0)) }
            return [("runtime", "OpenVINO \(library.version), \(library.path)")] + devices
        } catch {
            return [("runtime", "\(error)")]
        }
    }
}
