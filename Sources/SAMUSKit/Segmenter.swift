import Foundation
import Imaging
import Inference
import Segmentation

/// Segments objects in ultrasound images with a model bundle.
///
/// Research use only, not a medical
/// device.
///
/// ```swift
/// let segmenter = try await Segmenter.load(contentsOf: bundleURL)
/// let scan = try await segmenter.encode(contentsOf: imageURL)
/// let mask = try await scan.mask(for: .point(x: 120, y: 88))
/// try mask.pngData().write(to: maskURL)
/// ```
///
/// A segmenter may be used from many tasks concurrently. A cancelled task throws
/// `CancellationError` within a fraction of a second, even while the model runs.
public struct Segmenter: Sendable {
    private let engine: BundleEngine
    private let worker: BlockingWorker

    /// The model's name, architecture and licence.
    public var model: ModelDescription { engine.model }

    /// Loads a model bundle.
    ///
    /// The first load compiles the models, which takes seconds. Later loads read them from the
    /// cache of compiled models.
    ///
    /// - Parameters:
    ///   - url: the bundle's folder, `NAME.samus`.
    ///   - options: device, concurrency and caches.
    /// - Returns: the loaded model.
    /// - Throws: ``SegmenterError/unusableModel(_:)`` if the bundle is incomplete or damaged,
    ///   ``SegmenterError/runtimeUnavailable(_:)`` if OpenVINO is missing or cannot run the model,
    ///   `CancellationError`.
    public static func load(
        contentsOf url: URL, options: Options = .init()
    ) async throws -> Segmenter {
        let worker = BlockingWorker(limit: options.concurrentRequests)
        let engine = try await worker.run {
            try BundleEngine(
                ModelBundle(url),
                options: RuntimeOptions(
                    device: options.device.runtimeDevice, threads: options.threads),
                cache: options.modelCache.map { CompiledModelCache(folder: $0) },
                embeddings: options.embeddingCacheBytes > 0
                    ? EncodedImageCache(limit: options.embeddingCacheBytes) : nil)
        }
        return Segmenter(engine: engine, worker: worker)
    }

    /// Loads a model that is distributed with SAMUS for Swift.
    ///
    /// The bundle is searched in the folder that the environment variable `SAMUS_MODELS` names, in
    /// `../share/samus/models` next to the program's folder, and in the checkout in which the
    /// program was built.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - options: device, concurrency and caches.
    /// - Returns: the loaded model.
    /// - Throws: ``SegmenterError/modelNotFound(name:searched:)``, and errors of
    ///   ``load(contentsOf:options:)``.
    public static func load(
        _ model: DistributedModel, options: Options = .init()
    ) async throws -> Segmenter {
        guard let entry = ModelCatalog.entry(named: model.rawValue),
            let path = ModelCatalog.bundle(of: entry)
        else {
            throw SegmenterError.modelNotFound(
                name: model.rawValue, searched: ModelCatalog.folders.map(\.path))
        }
        return try await load(contentsOf: URL(fileURLWithPath: path), options: options)
    }

    /// Runs the image encoder, the slow part of segmentation.
    ///
    /// - Parameter image: a grey or RGB image of any size.
    /// - Returns: the encoded image, which computes a mask for a prompt in milliseconds.
    /// - Throws: ``SegmenterError``, `CancellationError`.
    public func encode(_ image: Image) async throws -> Scan {
        let encoded = try await worker.run { [engine] in try engine.encode(image) }
        return Scan(encoded: encoded, worker: worker)
    }

    /// Reads a PNG or JPEG file and runs the image encoder.
    ///
    /// - Parameter url: the file.
    /// - Returns: the encoded image.
    /// - Throws: ``SegmenterError/unreadableImage(_:)``, and the errors of encoding an image.
    public func encode(contentsOf url: URL) async throws -> Scan {
        try await encode(worker.run { try Image.read(url.path) })
    }

    /// Decodes a PNG or JPEG image and runs the image encoder.
    ///
    /// - Parameter data: content of a PNG or JPEG file.
    /// - Returns: the encoded image.
    /// - Throws: ``SegmenterError/unreadableImage(_:)``, and the errors of encoding an image.
    public func encode(_ data: Data) async throws -> Scan {
        try await encode(worker.run { try Image.decode([UInt8](data), name: "image data") })
    }
}

extension Segmenter {
    /// A model that is distributed with SAMUS for Swift.
    public enum DistributedModel: String, Sendable, CaseIterable {
        /// samus-lite, trained with clicks, boxes and corrections on ultrasound images.
        case samusLite = "samus-lite"
        /// samus-lite trained on echocardiograms, for non-commercial use only.
        case samusLiteHeart = "samus-lite-heart"
        /// LiteMedSAM, trained with boxes on medical images of many kinds.
        case liteMedSAM = "litemedsam"

        /// The default model of the command line, ``samusLite``.
        public static let `default` = DistributedModel.samusLite
    }

    /// The device on which the model runs.
    public enum Device: Sendable, CaseIterable {
        case cpu, gpu, npu
        /// OpenVINO chooses the device.
        case automatic

        var runtimeDevice: RuntimeOptions.Device {
            switch self {
            case .cpu: .cpu
            case .gpu: .gpu
            case .npu: .npu
            case .automatic: .auto
            }
        }
    }

    /// Device, concurrency and caches of a segmenter.
    public struct Options: Sendable {
        /// The device on which the model runs.
        public var device: Device
        /// Threads on the CPU; nil for one per core.
        public var threads: Int?
        /// Number of requests that run concurrently, at least 1; further requests wait.
        public var concurrentRequests: Int
        /// Size of the memory cache of encoded images, in bytes; 0 disables it.
        public var embeddingCacheBytes: Int
        /// Folder of the disk cache of compiled models; nil disables it.
        public var modelCache: URL?

        /// Creates options.
        ///
        /// - Parameters:
        ///   - device: the device on which the model runs.
        ///   - threads: threads on the CPU; nil for one per core.
        ///   - concurrentRequests: number of requests that run concurrently, at least 1.
        ///   - embeddingCacheBytes: size of the memory cache of encoded images; 0 disables it.
        ///   - modelCache: folder of the disk cache of compiled models; nil disables it.
        public init(
            device: Device = .cpu, threads: Int? = nil, concurrentRequests: Int = 2,
            embeddingCacheBytes: Int = 64 << 20, modelCache: URL? = Self.standardModelCache
        ) {
            precondition(concurrentRequests > 0, "at least one request at a time")
            self.device = device
            self.threads = threads
            self.concurrentRequests = concurrentRequests
            self.embeddingCacheBytes = embeddingCacheBytes
            self.modelCache = modelCache
        }

        /// The folder `SAMUS_CACHE`, else `samus` in `XDG_CACHE_HOME` or `~/.cache`; nil if
        /// `SAMUS_CACHE` is empty or there is no home folder.
        public static var standardModelCache: URL? { CompiledModelCache.standard()?.folder }
    }
}
