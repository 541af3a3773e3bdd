import Checkpoints
import Foundation
import Segmentation

/// A model in a folder `NAME.samus`: ONNX files, and `model.json`, which says what they are.
///
/// Opening reads `model.json` alone and compares sizes. The SHA-256 of a file is compared when it is
/// compiled; a compiled model in the cache was compared when it was made, and is used only for a
/// file of the same path, size and time of change.
public struct ModelBundle: Sendable {
    /// The folder, links followed.
    public let folder: URL
    /// What `model.json` says.
    public let manifest: Manifest
    /// What its results are written beside; the SHA-256 is that of `model.json`, in which those of
    /// all other files are.
    public let model: ModelDescription

    /// The ending of a bundle's folder.
    public static let pathExtension = "samus"

    /// No manifest needs more; a file of 10 GB is refused before it is read.
    private static let manifestLimit = 1 << 20

    /// Opens a bundle.
    ///
    /// - Parameter folder: with `model.json` in it.
    /// - Throws: ``ModelBundleError`` where something is missing or not as `model.json` says.
    public init(_ folder: URL) throws(ModelBundleError) {
        self.folder = folder.resolvingSymlinksInPath()
        let file = try RegularFile(
            self.folder.appendingPathComponent(Manifest.FileName.manifest).path)
        guard file.bytes <= Self.manifestLimit else {
            throw .manifestTooLarge(bytes: file.bytes, limit: Self.manifestLimit)
        }
        var data = Data()
        var hash = ContentHash()
        try file.read { piece in
            data.append(contentsOf: piece)
            hash.add(piece)
        }
        manifest = try Manifest(data)
        model = manifest.description(sha256: hash.text)
        for name in manifest.files.keys.sorted() {
            _ = try identity(of: name)
        }
    }

    /// Whether a path looks like a bundle's: a folder that has a `model.json`.
    ///
    /// - Parameter path: any.
    /// - Returns: whether it is worth opening.
    public static func isBundle(_ path: String) -> Bool {
        FileManager.default.fileExists(
            atPath: URL(fileURLWithPath: path).appendingPathComponent(Manifest.FileName.manifest)
                .path)
    }

    /// A file's path.
    ///
    /// - Parameter name: as in the manifest.
    /// - Returns: an absolute path.
    public func path(of name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    /// What tells a file from another, its size compared.
    func identity(of name: String) throws(ModelBundleError) -> ModelFileIdentity {
        let path = path(of: name)
        guard let expected = manifest.files[name] else {
            throw .cannotRead(path: path, reason: "model.json does not name it")
        }
        let file = try RegularFile(path)
        guard file.bytes == expected.bytes else {
            throw .otherSize(file: path, expected: expected.bytes, found: file.bytes)
        }
        return ModelFileIdentity(
            path: path, bytes: file.bytes, changed: file.changed, sha256: expected.sha256)
    }

    /// Reads a file, compares its SHA-256, and refuses weights that would lie in a file besides, which no
    /// SHA-256 is of.
    ///
    /// - Parameter name: as in the manifest.
    /// - Throws: ``ModelBundleError/otherContent(file:expected:found:)`` where it is another,
    ///   ``ModelBundleError/externalData(file:)``.
    public func verify(_ name: String) throws(ModelBundleError) {
        let expected = try identity(of: name)
        var hash = ContentHash()
        var outside = ExternalData()
        try RegularFile(expected.path).read {
            hash.add($0)
            outside.look(at: $0)
        }
        guard !outside.isNamed else { throw .externalData(file: expected.path) }
        guard hash.text == expected.sha256 else {
            throw .otherContent(
                file: expected.path, expected: expected.sha256, found: hash.text)
        }
    }
}
