import Evaluation
import Foundation
import Imaging
import Inference
import Segmentation

/// Finds the objects of one image after the other.
protocol Segmenter {
    /// Reads an image and segments its objects.
    ///
    /// - Parameters:
    ///   - input: the image and the prompts of its objects.
    ///   - write: called with each object of a prompt as soon as its masks are known. They are not
    ///     kept: a thousand masks of a large image do not fit into memory.
    /// - Returns: the image, and what remains of each object.
    /// - Throws: why this image cannot be segmented; later images may still be.
    func segment(
        _ input: InputImage, write: (SegmentedObject, Image) throws -> Void
    ) throws -> SegmentResult
}

/// The masks of one image.
struct SegmentResult {
    enum Masks {
        /// One for each object of the job, each with its candidates.
        case objects([ObjectSummary])
        /// The masks of automatic mask generation.
        case everything([AutomaticMask])
    }

    /// Durations in seconds; with `--everything`, `decode` includes the encoding.
    struct Times: Encodable {
        var read = 0.0
        var encode = 0.0
        var decode = 0.0
    }

    let input: InputImage
    let image: Image
    let masks: Masks
    let times: Times
    /// Notes for the user about this image.
    let notes: [String]
    /// Notes for the user about the model, which are the same for many images.
    let warnings: [String]
}

/// What remains of an object once its masks are written.
struct ObjectSummary {
    struct Candidate {
        let area: Int
        let boundingBox: PixelBox?
        let iouEstimate: Float
    }

    let label: String?
    let candidates: [Candidate]
    let notes: [String]
    let warnings: [String]

    init(_ object: SegmentedObject) {
        label = object.request.label
        candidates = object.candidates.map {
            Candidate(
                area: $0.mask.area, boundingBox: $0.mask.boundingBox, iouEstimate: $0.iouEstimate)
        }
        notes = object.notes
        warnings = object.warnings
    }
}

/// One object with its masks.
struct SegmentedObject {
    /// The object as the job describes it.
    let request: ObjectPrompt
    /// The prompt that the model got: corners of a box in order and inside the image; empty for a
    /// prompt-free object.
    let prompt: Prompt
    /// One mask, or all candidates, best estimate first.
    let candidates: [SegmentationResult]
    /// Notes about corrections of the prompt and empty masks.
    let notes: [String]
    /// Warnings about requests that the model was not trained for.
    let warnings: [String]
}

/// Segments objects by their prompts, and without one where the model is prompt-free.
struct PromptedSegmenter: Segmenter {
    let engine: any SegmentationEngine
    /// Whether to give all candidates of the decoder.
    let multimask: Bool
    let keep: KeptParts

    func segment(
        _ input: InputImage, write: (SegmentedObject, Image) throws -> Void
    ) throws -> SegmentResult {
        let clock = ContinuousClock()
        var times = SegmentResult.Times()

        var start = clock.now
        let image = try Image.readNotBlank(input.path)
        times.read = (clock.now - start).inSeconds

        // Prompts are checked before the image is encoded, except rough masks, which are large.
        for request in input.objects where request.maskPath == nil {
            _ = try checkedPrompt(of: request, for: image.size)
        }

        start = clock.now
        let encoded = try engine.encode(image)
        times.encode = (clock.now - start).inSeconds

        let objects = try input.objects.map { request in
            start = clock.now
            let prompt = try checkedPrompt(of: request, for: image.size)
            let object = try segment(request, prompt, in: encoded)
            times.decode += (clock.now - start).inSeconds
            try write(object, image)
            return ObjectSummary(object)
        }

        let notes = objects.enumerated().flatMap { index, object in
            object.notes.map { objects.count > 1 ? "object \(index + 1): \($0)" : $0 }
        }
        return SegmentResult(
            input: input, image: image, masks: .objects(objects), times: times, notes: notes,
            warnings: objects.flatMap(\.warnings))
    }

    /// The prompt for the model; nil for a prompt-free object.
    private func checkedPrompt(
        of request: ObjectPrompt, for size: Size
    ) throws -> Prompt.Checked? {
        guard !request.isPromptFree else { return nil }
        return try Prompt(
            foregroundPoints: request.points, backgroundPoints: request.backgroundPoints,
            box: request.box,
            mask: request.maskPath.map { path in try Mask.read(path) }
        ).checked(for: size)
    }

    private func segment(
        _ request: ObjectPrompt, _ prompt: Prompt.Checked?, in image: any EncodedImage
    ) throws -> SegmentedObject {
        var candidates =
            try prompt.map { try image.segment($0, multimask: multimask) }
            ?? [image.segmentPromptFree()]
        if keep == .largest {
            for index in candidates.indices {
                candidates[index].mask = candidates[index].mask.largestComponent()
            }
        }
        var notes = prompt?.notes ?? []
        if candidates.contains(where: { $0.mask.area == 0 }) {
            notes.append(
                "the model found nothing\(prompt == nil ? "" : " for this prompt"): a mask is empty"
            )
        }
        let model = engine.model
        let warnings = prompt.map { prompt in
            model.architecture.warnings(
                about: prompt.prompt, multimask: multimask, trainedWith: model.trainedPrompts)
                + ModelCatalog.hints(about: prompt.prompt, to: model)
        }
        return SegmentedObject(
            request: request, prompt: prompt?.prompt ?? Prompt(), candidates: candidates,
            notes: notes, warnings: warnings ?? [])
    }
}

/// Segments every object of an image without prompts: automatic mask generation.
struct EverythingSegmenter: Segmenter {
    private let generator: AutomaticMaskGenerator
    private let warnings: [String]

    /// - Parameters:
    ///   - engine: a model that takes point prompts and returns candidates.
    ///   - options: the options.
    /// - Throws: ``AutomaticMaskError``.
    init(engine: any SegmentationEngine, options: AutomaticMaskOptions) throws(AutomaticMaskError) {
        generator = try AutomaticMaskGenerator(engine: engine, options: options)
        warnings = engine.model.architecture.warnings(
            about: Prompt(foregroundPoints: [PixelPoint(x: 0, y: 0)]), multimask: true,
            trainedWith: engine.model.trainedPrompts)
    }

    func segment(
        _ input: InputImage, write: (SegmentedObject, Image) throws -> Void
    ) throws -> SegmentResult {
        let clock = ContinuousClock()
        var times = SegmentResult.Times()

        var start = clock.now
        let image = try Image.readNotBlank(input.path)
        times.read = (clock.now - start).inSeconds

        start = clock.now
        var progress: ProgressBar?
        defer { progress?.clear() }
        let masks = try generator.masks(of: image) { done, total in
            progress = progress ?? ProgressBar(total: total)
            progress?.show(done: done, name: "\(input.name) (points)")
        }
        times.decode = (clock.now - start).inSeconds

        let notes =
            masks.isEmpty
            ? [
                "no mask was confident and stable enough; lower --predicted-iou and --stability "
                    + "to see more masks"
            ] : []
        return SegmentResult(
            input: input, image: image, masks: .everything(masks), times: times, notes: notes,
            warnings: warnings)
    }
}

/// An image whose pixels all have the same value.
struct BlankImageError: Error, CustomStringConvertible {
    let value: [UInt8]

    var description: String {
        let numbers = value.map(String.init).joined(separator: ",")
        return "the image is blank: every pixel has the value \(numbers)"
    }
}

extension Image {
    /// Reads an image, and refuses a blank one, for which a model would still return a mask.
    ///
    /// - Throws: `ImageError` when it cannot be read, ``BlankImageError``.
    static func readNotBlank(_ path: String) throws -> Image {
        let image = try Image.read(path)
        let first = image.pixels.prefix(image.channels)
        guard image.pixels.enumerated().contains(where: { $1 != first[$0 % first.count] })
        else { throw BlankImageError(value: Array(first)) }
        return image
    }
}
