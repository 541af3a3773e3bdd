import ArgumentParser
import Foundation
import Inference

extension CompletionKind {
    /// Names of models, and files and folders that can be models.
    public static var model: CompletionKind {
        .custom { _, _, prefix in ModelCompletion.candidates(prefix) }
    }
}

/// What a shell offers where a model is expected.
enum ModelCompletion {
    private static let checkpointExtensions: Set = ["pth", "pt", "safetensors"]

    /// Names of the catalog, bundles, checkpoints, and folders to look into.
    ///
    /// - Parameter prefix: the beginning of the word.
    /// - Returns: whole words; at most 1,000 from a folder.
    static func candidates(_ prefix: String) -> [String] {
        let names = ModelCatalog.entries.map(\.name).filter { $0.hasPrefix(prefix) }
        let folder = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
        let content = try? FileManager.default.contentsOfDirectory(
            atPath: folder.isEmpty ? "." : folder)
        let paths = (content ?? []).sorted().prefix(1000).compactMap { name -> String? in
            let path = folder + name
            guard path.hasPrefix(prefix), !name.hasPrefix(".") else { return nil }
            let ending = URL(filePath: name).pathExtension
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            guard isFolder.boolValue else {
                return checkpointExtensions.contains(ending) ? path : nil
            }
            return ending == ModelBundle.pathExtension ? path : path + "/"
        }
        return names + paths
    }
}
