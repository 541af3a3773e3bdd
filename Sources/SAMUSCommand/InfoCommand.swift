import ArgumentParser
import Checkpoints
import Foundation
import Imaging
import Segmentation

/// `samus info`: what a model's file holds.
struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what a model's file holds.",
        discussion: "Reads .pth and .safetensors files without running anything in them.")

    @Argument(
        help: "A model's name, or a checkpoint file.",
        completion: .file(extensions: ["pth", "safetensors"]))
    var model: String

    @Flag(help: "List every tensor with its type and shape.")
    var keys = false

    func run() throws {
        let path: String
        let checkpoint: Checkpoint
        do {
            path = try ModelCatalog.path(of: model)
            do throws(CheckpointError) {
                checkpoint = try Checkpoint.read(path)
                print(try summary(of: checkpoint, at: path))
            } catch {
                throw ModelError.unreadable(path: path, error)
            }
        } catch {
            throw Failure.unavailable.because("\(error)")
        }
        if keys {
            for name in checkpoint.names {
                guard let tensor = checkpoint[name] else { continue }
                print("\(name.visibleLine)\t\(tensor.elementType.rawValue)\t\(tensor.shape)")
            }
        }
    }

    private func summary(
        of checkpoint: Checkpoint, at path: String
    ) throws(CheckpointError) -> String {
        let sha256 = try checkpoint.sha256
        let known = ModelCatalog.entry(sha256: sha256)
        let kind = ModelKind(names: checkpoint.names)
        let tensors = checkpoint.names.compactMap { checkpoint[$0] }
        let parameters = checkpoint.names.filter { !ModelKind.isBuffer($0) }
            .compactMap { checkpoint[$0]?.elementCount }.reduce(0, +)
        var rows: [(String, String)] = [
            ("file", path),
            ("format", checkpoint.format.rawValue),
            ("model", known?.name ?? "not one known by name"),
            ("network", kind?.rawValue ?? "not one this program knows"),
            ("tensors", "\(tensors.count)"),
            ("parameters", parameters.formatted()),
            ("bytes", tensors.reduce(0) { $0 + $1.byteCount }.formatted()),
            (
                "licence",
                known?.licence ?? checkpoint.statedLicence ?? "not stated in the file"
            ),
            ("SHA-256", sha256),
            ("checksums", checkpoint.hasChecksums ? "present and correct" : "none in the file"),
        ]
        if let kind {
            let prompts = kind.trainedPrompts.map(\.rawValue).sorted().joined(separator: ", ")
            rows.insert(("trained with", "\(prompts) prompts"), at: 4)
        }
        if let prefix = checkpoint.strippedPrefix {
            rows.append(("prefix", "'\(prefix)' taken off all names"))
        }
        if !checkpoint.ignoredNames.isEmpty {
            rows.append(("passed over", checkpoint.ignoredNames.joined(separator: ", ")))
        }
        rows += checkpoint.metadata.sorted { $0.key < $1.key }.map { ("metadata \($0)", $1) }
        rows.append(("notice", ResearchNotice.text))
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name.visibleLine.padding(toLength: width + 2, withPad: " ", startingAt: 0)
                + value.visibleLine
        }
        .joined(separator: "\n")
    }
}
