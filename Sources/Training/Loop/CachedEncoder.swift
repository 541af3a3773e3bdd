import Checkpoints
import Datasets
import FileIO
import Foundation
import Imaging
import SegmentAnything
import Segmentation
import Torch
import TorchNN

/// A frozen image encoder whose embeddings are computed once for each fixed variant of an image.
public struct CachedEncoder {
    let network: any SegmentationNetwork
    let cache: EmbeddingCache?
    let dtype: DType
    let isPooled: Bool

    /// - Parameters:
    ///   - network: the network with the image encoder.
    ///   - cache: embeddings on disk; nil computes each embedding again.
    ///   - dtype: the type of matrix products and convolutions.
    ///   - isPooled: whether 2 x 2 cells are averaged, for a student with half the grid.
    public init(
        _ network: any SegmentationNetwork, cache: EmbeddingCache?, dtype: DType,
        isPooled: Bool = false
    ) {
        self.network = network
        self.cache = cache
        self.dtype = dtype
        self.isPooled = isPooled
    }

    /// The embeddings of some examples.
    ///
    /// - Parameters:
    ///   - examples: those with a variant use the cache.
    ///   - input: makes an example's input, `[1, C, S, S]`; called on a cache miss only.
    /// - Returns: `[B, D, H, W]`.
    /// - Throws: `CheckpointError` when the cache cannot be written.
    func callAsFunction(_ examples: [Example], input: (Example) -> Tensor) throws -> Tensor {
        .concatenate(
            try examples.map { example in
                guard let cache, let variant = example.variant else {
                    return encode(input(example))
                }
                // The pixels too: another data folder may have another image of the same name.
                var pixels = Fingerprint()
                pixels.add(example.image.width)
                pixels.add(example.image.pixels)
                let name =
                    "\(example.sample.image)#\(variant) \(pixels.text)"
                    + (isPooled ? " pooled" : "")
                // Those that were read lie in the processor's memory.
                return try cache.embedding(of: name) { encode(input(example)) }
                    .to(network.device)
            })
    }

    private func encode(_ image: Tensor) -> Tensor {
        withoutGrad {
            let embedding = withAutocast(to: dtype, on: Device(image.device.kind)) {
                network.encode(image)
            }.to(.float32)
            return isPooled ? averagePool2d(embedding, size: 2, stride: 2) : embedding
        }
    }
}

/// A frozen network whose embeddings the student's image encoder learns to predict.
///
/// It sees the same augmented image, with its own preprocessing.
public struct Teacher {
    let encoder: CachedEncoder
    let inputSize: Int
    let preprocessing: Preprocessing

    /// - Parameters:
    ///   - encoder: the teacher's image encoder; its embeddings have the student's grid.
    ///   - inputSize: height and width of the teacher's input in pixels.
    ///   - preprocessing: how the teacher's input is made from an image.
    public init(_ encoder: CachedEncoder, inputSize: Int, preprocessing: Preprocessing) {
        self.encoder = encoder
        self.inputSize = inputSize
        self.preprocessing = preprocessing
    }

    /// The teacher's embeddings, `[B, D, H, W]`.
    func embeddings(of examples: [Example], on device: Device) throws -> Tensor {
        try encoder(examples) { example in
            let geometry = InputGeometry(
                original: example.image.size, inputSize: inputSize, preprocessing: preprocessing)
            let planes = geometry.prepare(example.image)
            return Tensor(
                planes.values, shape: [1, planes.channels, planes.height, planes.width]
            ).to(device)
        }
    }
}

/// Embeddings of a frozen encoder on disk, as float16, up to a size limit.
///
/// Nothing is evicted: an epoch uses every image once, so that an evicted embedding would be the
/// next one that is needed. Embeddings beyond the limit are computed each time.
public final class EmbeddingCache {
    private let folder: String
    private let limit: Int
    private var bytes = 0

    /// Opens a cache.
    ///
    /// - Parameters:
    ///   - folder: the cache folder; made where it is missing.
    ///   - key: everything besides the image that an embedding depends on: encoder, preprocessing,
    ///     precision.
    ///   - limit: bytes on disk, in `folder` and everything below it.
    ///   - processes: number of processes that write to the folder; each may add its part of the
    ///     free space.
    /// - Throws: the error of making or reading the folder.
    public init(folder: String, key: String, limit: Int, processes: Int = 1) throws {
        self.folder = "\(folder)/\(Fingerprint(of: key).text)"
        let files = FileManager.default
        try files.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        Leftovers.remove(in: self.folder)
        // Embeddings of other runs count too. A file may vanish when another run renames it.
        for case let name as String in files.enumerator(atPath: folder) ?? .init()
        where name.hasSuffix(".safetensors") {
            let size = try? files.attributesOfItem(atPath: "\(folder)/\(name)")[.size]
            bytes += (size as? Int) ?? 0
        }
        self.limit = bytes + max(limit - bytes, 0) / processes
    }

    /// An embedding from disk, or computed and written to disk.
    ///
    /// A file that cannot be read is computed again.
    ///
    /// - Parameters:
    ///   - name: name of the image and its variant.
    ///   - compute: computes the embedding, `[1, D, H, W]`.
    /// - Returns: `[1, D, H, W]`, float32, rounded to float16 whether it was cached or not.
    /// - Throws: `CheckpointError` when it cannot be written, as when the disk is full.
    public func embedding(of name: String, _ compute: () throws -> Tensor) throws -> Tensor {
        let path = "\(folder)/\(Fingerprint(of: name).text).safetensors"
        if let cached = Self.read(path, name: name) { return cached }
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
