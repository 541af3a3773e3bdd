import Foundation
@_exported import Imaging
import Inference
@_exported import Segmentation

/// Outlines objects in ultrasound pictures with a model bundle: research use only, not a medical
/// device.
///
/// ```swift
/// let samus = try await SAMUS(bundle: URL(fileURLWithPath: "litemedsam.samus"))
/// let found = try await samus.segment(image, .click(x: 120, y: 88))
/// try found.mask.image().encodedPNG()
/// ```
///
/// May be used from many tasks at a time. A task that is cancelled ends with `CancellationError`, in
/// a fraction of a second also while the model runs. Prompts on a picture that was given before
/// find its embedding ready.
public final class SAMUS: Sendable {
    /// The model itself, for work that this class has no function for, as `AutomaticMaskGenerator`.
    ///
    /// Its functions block the thread that calls them.
    public let engine: any SegmentationEngine
    private let work: BoundedWork

    /// What the model is and where it comes from.
    public var model: ModelDescription { engine.model }

    /// Opens a bundle and readies its models: seconds the first time, less when they are in the
    /// cache of compiled models.
    ///
    /// - Parameters:
    ///   - bundle: a folder `NAME.samus`.
    ///   - options: how it runs and what it keeps.
    /// - Throws: `ModelBundleError` where the bundle is not whole, `OpenVINOError` where there is no
    ///   OpenVINO or it cannot run the models.
    public init(bundle: URL, options: Options = .init()) async throws {
        let work = BoundedWork(limit: options.concurrentRequests)
        self.work = work
        engine = try await work.run {
            try BundleEngine(
                ModelBundle(bundle), options: options.runtime,
                cache: options.cache.map { CompiledModelCache(folder: $0) },
                embeddings: options.embeddingBytes > 0
                    ? EmbeddingCache(limit: options.embeddingBytes) : nil)
        }
    }

    /// Segments one object.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompt: says which object, in the picture's pixels.
    /// - Returns: its mask.
    /// - Throws: `PromptError` when the prompt does not fit the picture, `EngineError`,
    ///   `CancellationError`.
    public func segment(_ image: Image, _ prompt: Prompt) async throws -> Segmentation {
        try await segment(image, [prompt])[0]
    }

    /// Segments several objects of one picture.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompts: one for each object, in the picture's pixels.
    /// - Returns: a mask for each prompt.
    /// - Throws: what ``segment(_:_:)-(_,Prompt)`` throws.
    public func segment(_ image: Image, _ prompts: [Prompt]) async throws -> [Segmentation] {
        // Checked first: a prompt that does not fit costs no encoding.
        let checked = try prompts.map { try $0.checked(for: image.size) }
        return try await work.run { [engine] in
            let embedded = try engine.embed(image)
            return try embedded.predict(checked, multimask: false).map { embedded.restored($0[0]) }
        }
    }

    /// Segments what an ambiguous prompt may mean.
    ///
    /// - Parameters:
    ///   - image: grey or RGB, of any size.
    ///   - prompt: in the picture's pixels.
    /// - Returns: the model's candidates, best estimate first.
    /// - Throws: what ``segment(_:_:)-(_,Prompt)`` throws.
    public func candidates(_ image: Image, _ prompt: Prompt) async throws -> [Segmentation] {
        let checked = try prompt.checked(for: image.size)
        return try await work.run { [engine] in
            try engine.embed(image).segment(checked, multimask: true)
        }
    }

    /// Segments the one object that the model finds by itself, as AutoSAMUS does.
    ///
    /// - Parameter image: grey or RGB, of any size.
    /// - Returns: its mask.
    /// - Throws: `EngineError.needsPrompt` when the model needs to be told, `CancellationError`.
    public func segment(_ image: Image) async throws -> Segmentation {
        try await work.run { [engine] in
            try engine.embed(image).segmentUnprompted()
        }
    }
}
