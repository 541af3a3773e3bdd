import Checkpoints
import Foundation
import Segmentation

/// A model's file, opened and recognized.
struct ModelFile {
    let path: String
    let checkpoint: Checkpoint
    let model: ModelDescription

    /// Opens a model.
    ///
    /// A model asked for by name must be that model to the bit.
    ///
    /// - Parameter nameOrFile: a name of the catalog, or a path.
    /// - Throws: ``ModelError`` with what is wrong with it.
    init(_ nameOrFile: String) throws(ModelError) {
        path = try ModelCatalog.path(of: nameOrFile)
        let sha256: String
        do throws(CheckpointError) {
            checkpoint = try Checkpoint.read(path)
            sha256 = try checkpoint.sha256
        } catch {
            throw .unreadable(path: path, error)
        }
        if let entry = ModelCatalog.entries.first(where: { $0.name == nameOrFile }),
            entry.sha256 != sha256
        {
            throw ModelError.otherContent(
                path: path, name: entry.name, expected: entry.sha256, found: sha256)
        }
        guard let kind = ModelKind(names: checkpoint.names) else {
            throw ModelError.unknownKind(path: path, tensors: checkpoint.names.count)
        }
        let known = ModelCatalog.entry(sha256: sha256)
        model = ModelDescription(
            name: known?.name ?? URL(fileURLWithPath: path).lastPathComponent, kind: kind,
            sha256: sha256, licence: known?.licence ?? checkpoint.statedLicence)
    }
}

extension Checkpoint {
    /// The licence that a file's own remarks state.
    var statedLicence: String? {
        metadata["license"] ?? metadata["licence"]
    }
}
