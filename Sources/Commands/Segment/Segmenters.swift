import Evaluation
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

/// Finds the objects of one image after the other.
protocol Segmenter {
    /// What speaks against the whole run, whatever the images.
    var warnings: [String] { get }

    /// Reads an image and segments its objects.
    ///
    /// - Parameters:
    ///   - input: the image and the prompts of its objects.
    ///   - write: called with each object of a prompt as soon as its masks are known. They are not
    ///     kept: a thousand masks of a large image do not fit into memory.
    /// - Returns: the image, and what remains of each object.
    /// - Throws: why this image cannot be segmented; later images may still be.
    func segment(
        _ input: InputImage, write: (SegmentedObject, InputFrame) throws -> Void
    ) throws -> SegmentResult
}

extension Segmenter {
    var warnings: [String] { [] }
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
    let frame: InputFrame
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
    var candidates: [SegmentationResult]
    /// How sure the mask is; nil where that was not asked for.
    let uncertainty: MaskUncertainty?
    /// Notes about corrections of the prompt and empty masks.
    var notes: [String]
    /// Warnings about requests that the model was not trained for.
    let warnings: [String]

    /// The interval that contains the area of 90 % of such objects, in pixels.
    ///
    /// - Parameter model: the model that segmented it.
    /// - Returns: nil where the uncertainty was not asked for, or the model has no levels.
    func areaInterval(of model: ModelDescription) -> ClosedRange<Int>? {
        guard let uncertainty, let levels = model.areaLevels else { return nil }
        return uncertainty.areaInterval(level: levels.level(for: prompt))
    }
}

/// Segments objects by their prompts, and without one where the model is prompt-free.
struct PromptedSegmenter: Segmenter {
    let engine: any SegmentationEngine
    /// Whether to give all candidates of the decoder.
    let multimask: Bool
    let keep: KeptParts
    /// When nothing counts as found.
    let answer: AnswerOptions
    /// Whether prompts are also moved, for the probability of each pixel.
    let measuresUncertainty: Bool
    /// Whether overlapping pixels belong to the object with the highest logit.
    var joinsMasks = false
    let reader: FrameReader

    func segment(
        _ input: InputImage, write: (SegmentedObject, InputFrame) throws -> Void
    ) throws -> SegmentResult {
        let clock = ContinuousClock()
        var times = SegmentResult.Times()

        var start = clock.now
        let frame = try reader.readNotBlank(input)
        let image = frame.image
        times.read = (clock.now - start).inSeconds

        // Prompts are checked before the image is encoded, except rough masks, which are large.
        for request in input.objects where request.maskPath == nil {
            _ = try checkedPrompt(of: request, mask: nil, for: image.size)
        }

        start = clock.now
        let encoded = try engine.encode(image)
        times.encode = (clock.now - start).inSeconds

        // Several objects may begin with the same rough mask.
        var rough: (path: String, read: (mask: Mask, note: String?))?
        // One pass gives all classes.
        let classes =
            try engine.model.classes != nil && input.objects.contains(where: \.isPromptFree)
            ? encoded.segmentClasses() : nil
        var joined: JoinedObjects?
        var objects = try input.objects.compactMap { request -> ObjectSummary? in
            start = clock.now
            if let path = request.maskPath, rough?.path != path {
                rough = (path, try LabelValues.read(path).mask())
            }
            let mask = request.maskPath == nil ? nil : rough?.read
            let prompt = try checkedPrompt(of: request, mask: mask?.mask, for: image.size)
            var object = try segment(request, prompt, in: encoded, classes)
            if let note = mask?.note { object.notes.append("mask prompt: \(note)") }
            times.decode += (clock.now - start).inSeconds
            guard !joinsMasks || classes != nil else {
                var objects = joined ?? JoinedObjects(geometry: encoded.geometry)
                objects.add(object)
                joined = objects
                return nil
            }
            try write(object, frame)
            return ObjectSummary(object)
        }
        try joined?.forEach { object in
            try write(object, frame)
            objects.append(ObjectSummary(object))
        }

        let notes =
            frame.notes
            + objects.enumerated().flatMap { index, object in
                object.notes.map { objects.count > 1 ? "object \(index + 1): \($0)" : $0 }
            }
        return SegmentResult(
            input: input, frame: frame, masks: .objects(objects), times: times, notes: notes,
            warnings: objects.flatMap(\.warnings))
    }

    /// The prompt for the model; nil for a prompt-free object.
    private func checkedPrompt(
        of request: ObjectPrompt, mask: Mask?, for size: Size
    ) throws -> Prompt.Checked? {
        guard !request.isPromptFree else { return nil }
        return try Prompt(
            clicks: request.clicks, box: request.box, mask: mask
        ).checked(for: size)
    }

    private func segment(
        _ request: ObjectPrompt, _ prompt: Prompt.Checked?, in image: any EncodedImage,
        _ classes: [SegmentationResult]?
    ) throws -> SegmentedObject {
        let place = engine.model.classes?.firstIndex {
            $0.value == request.classValue.map(Int.init)
        }
        var candidates: [SegmentationResult] =
            if let prompt {
                try image.segment(prompt, multimask: multimask, options: answer)
            } else if let place, let classes {
                [classes[place]]
            } else {
                [try image.segmentPromptFree()]
            }
        if keep == .largest {
            for index in candidates.indices {
                let mask = candidates[index].mask.largestComponent()
                candidates[index].mask = mask
                if engine.model.architecture.isInteractive, !mask.isEmpty {
                    candidates[index].disobeyedClicks = request.clicks.count {
                        mask.contains($0.point) != $0.isForeground
                    }
                }
            }
        }
        var notes = prompt?.notes ?? []
        if candidates.contains(where: { $0.mask.isEmpty }) {
            notes.append(
                "the model found nothing\(prompt == nil ? "" : " for this prompt"): a mask is empty"
            )
        }
        for candidate in candidates where candidate.disobeyedClicks > 0 {
            notes.append(
                "the mask does not obey \(counted(candidate.disobeyedClicks, "click")): clicks on "
                    + "and outside the object are too close to each other"
                    + (keep == .largest ? ", or --keep largest removed a part" : ""))
        }
        let model = engine.model
        if candidates[0].isUnsure {
            notes.append(
                String(
                    format: "low confidence (IoU estimate %.2f): check the outline",
                    candidates[0].iouEstimate) + (prompt == nil ? "" : ", or add a click"))
        }
        let uncertainty =
            try measuresUncertainty
            ? prompt.map { try image.uncertainty(of: candidates[0], for: $0, options: answer) }
            : nil
        let warnings = prompt.map { prompt in
            model.architecture.warnings(
                about: prompt.prompt, multimask: multimask, trainedWith: model.trainedPrompts)
                + ModelCatalog.hints(about: prompt.prompt, to: model)
        }
        return SegmentedObject(
            request: request, prompt: prompt?.prompt ?? Prompt(), candidates: candidates,
            uncertainty: uncertainty, notes: notes, warnings: warnings ?? [])
    }
}

/// Objects of one image whose masks are made disjoint: a pixel belongs to the object with the highest
/// logit.
private struct JoinedObjects {
    private let geometry: InputGeometry
    private var map: LabelMap
    /// The objects without their masks, which would not all fit into memory.
    private var objects: [(object: SegmentedObject, area: Int)] = []

    init(geometry: InputGeometry) {
        self.geometry = geometry
        map = LabelMap(size: geometry.original)
    }

    mutating func add(_ object: SegmentedObject) {
        let result = object.candidates[0]
        map.add(result.mask, logits: geometry.restoredLogits(result.logits))
        var object = object
        object.candidates[0].mask = Mask(emptyOf: Size(height: 1, width: 1))
        objects.append((object, result.mask.area))
    }

    /// Calls `body` with each object and its part of the image.
    func forEach(_ body: (SegmentedObject) throws -> Void) rethrows {
        for (index, (object, area)) in objects.enumerated() {
            var object = object
            let mask = map.mask(of: index + 1)
            object.candidates[0].mask = mask
            if mask.area < area {
                object.notes.append(
                    "\(counted(area - mask.area, "pixel")) of the mask belong to objects with a "
                        + "higher logit")
            }
            try body(object)
        }
    }
}

/// Segments every object of an image without prompts: automatic mask generation.
struct EverythingSegmenter: Segmenter {
    private let generator: AutomaticMaskGenerator
    let warnings: [String]
    private let reader: FrameReader

    /// - Parameters:
    ///   - engine: a model that takes point prompts and returns candidates.
    ///   - options: the options.
    ///   - reader: reads the images.
    /// - Throws: ``AutomaticMaskError``.
    init(
        engine: any SegmentationEngine, options: AutomaticMaskOptions, reader: FrameReader
    ) throws(AutomaticMaskError) {
        self.reader = reader
        generator = try AutomaticMaskGenerator(engine: engine, options: options)
        warnings = engine.model.architecture.warnings(
            about: Prompt(foregroundPoints: [PixelPoint(x: 0, y: 0)]), multimask: true,
            trainedWith: engine.model.trainedPrompts)
    }

    func segment(
        _ input: InputImage, write: (SegmentedObject, InputFrame) throws -> Void
    ) throws -> SegmentResult {
        let clock = ContinuousClock()
        var times = SegmentResult.Times()

        var start = clock.now
        let frame = try reader.readNotBlank(input)
        let image = frame.image
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
            frame.notes
            + (masks.isEmpty
                ? [
                    "no mask was confident and stable enough; lower --predicted-iou and --stability "
                        + "to see more masks"
                ] : [])
        return SegmentResult(
            input: input, frame: frame, masks: .everything(masks), times: times, notes: notes,
            warnings: warnings)
    }
}
