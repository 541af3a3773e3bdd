import Checkpoints
import Datasets
import Foundation
import Torch
import TorchNN

/// Embeddings that a frozen encoder gave, kept on disk as float16 within a bound.
///
/// Each is computed once. When the bound is reached no more are kept: each epoch asks for every
/// image once, so that whatever were thrown out would be the next to be asked for.
public final class EmbeddingCache {
    private let folder: String
    private let limit: Int
    private var bytes = 0
    /// Embeddings taken from disk.
    public private(set) var hits = 0
    /// Embeddings computed.
    public private(set) var misses = 0

    /// Opens a cache.
    ///
    /// - Parameters:
    ///   - folder: where they are kept; made when it is not there.
    ///   - key: of what they depend on besides the image: encoder, preparation, augmentation.
    ///   - limit: bytes on disk, in `folder` and all below it.
    ///   - processes: how many keep embeddings there; each may add its part of what is left.
    /// - Throws: when the folder cannot be made or read.
    public init(folder: String, key: String, limit: Int, processes: Int = 1) throws {
        self.folder = "\(folder)/\(Fingerprint(of: key).text)"
        let files = FileManager.default
        try files.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        // Those of other runs count too: the bound is the folder's. One that is being written may go.
        for case let name as String in files.enumerator(atPath: folder) ?? .init()
        where name.hasSuffix(".safetensors") {
            let size = try? files.attributesOfItem(atPath: "\(folder)/\(name)")[.size]
            bytes += (size as? Int) ?? 0
        }
        self.limit = bytes + max(limit - bytes, 0) / processes
    }

    /// An embedding from disk, or computed and kept.
    ///
    /// A file that cannot be read is computed anew.
    ///
    /// - Parameters:
    ///   - name: of the image and its variant.
    ///   - compute: gives `[1, D, H, W]`.
    /// - Returns: `[1, D, H, W]`, float32, rounded to float16 whether it was kept or not.
    /// - Throws: `CheckpointError` when it cannot be written, as when the disk is full.
    public func embedding(of name: String, _ compute: () throws -> Tensor) throws -> Tensor {
        let path = "\(folder)/\(Fingerprint(of: name).text).safetensors"
        if let kept = Self.read(path, name: name) {
            hits += 1
            return kept
        }
        misses += 1
        let embedding = try compute().detached().to(.float16)
        let size = 2 * embedding.elementCount
        if bytes + size <= limit {
            try Safetensors.write(
                [("embedding", StoredTensor(embedding))], metadata: ["image": name], to: path)
            bytes += size
        }
        return embedding.to(.float32)
    }

    private static func read(_ path: String, name: String) -> Tensor? {
        guard let checkpoint = try? Checkpoint.read(path), checkpoint.metadata["image"] == name,
            let stored = checkpoint["embedding"], let tensor = try? Tensor(stored)
        else { return nil }
        return tensor.to(.float32)
    }
}
