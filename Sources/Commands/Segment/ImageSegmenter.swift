import Evaluation
import Foundation
import Imaging
import Inference
import Segmentation

/// Segments the objects of one image.
struct ImageSegmenter {
    let engine: any SegmentationEngine
    let options: EngineOptions
    let multimask: Bool
    let keep: KeptParts

    /// One object with its masks, best estimate first.
    struct Object {
        let label: String?
        let mode: SearchMode
        /// As it was used; empty where the model found the object by itself.
        let prompt: Prompt
        let maskPath: String?
        let candidates: [SegmentationResult]
        /// About this object: what was put right, what came out empty.
        let notes: [String]
        /// About the model: what it was not trained for.
        let warnings: [String]
    }

    /// An image's objects, and the seconds they took.
    struct Outcome {
        let image: Image
        let objects: [Object]
        let times: ResultRecord.Times
    }

    /// Reads an image, checks its prompts, and segments its objects.
    ///
    /// Prompts are checked before the model runs: a bad one costs no time.
    func segment(_ task: ImageTask) throws -> Outcome {
        let clock = ContinuousClock()
        var image: Image?
        let read = try clock.measure { image = try Image.readThatShows(task.path) }
        guard let image else { preconditionFailure("reading gives an image or throws") }
        let prompts = try task.objects.map { try checked($0, for: image.size) }
        var embedded: (any EncodedImage)?
        let encode = try clock.measure { embedded = try engine.encode(image) }
        guard let embedded else { preconditionFailure("embedding gives an image or throws") }
        var objects: [Object] = []
        let decode = try clock.measure {
            for (object, checked) in zip(task.objects, prompts) {
                objects.append(try segment(object, checked, in: embedded))
            }
        }
        return Outcome(
            image: image, objects: objects,
            times: .init(read: read.inSeconds, encode: encode.inSeconds, decode: decode.inSeconds))
    }

    /// The prompt to use; nil where the model finds the object by itself.
    private func checked(_ object: ObjectPrompt, for size: Size) throws -> Prompt.Checked? {
        switch object.mode {
        case .auto: nil
        case .prompted:
            try Prompt(
                foregroundPoints: object.foregroundPoints,
                backgroundPoints: object.backgroundPoints, box: object.box,
                mask: object.maskPath.map { path in try Mask.read(path) }
            ).checked(for: size)
        }
    }

    private func segment(
        _ object: ObjectPrompt, _ checked: Prompt.Checked?, in image: any EncodedImage
    ) throws -> Object {
        let found =
            try checked.map { try image.segment($0, multimask: multimask) }
            ?? [image.segmentPromptFree()]
        let candidates = found.map { candidate in
            guard keep == .largest else { return candidate }
            var kept = candidate
            kept.mask = candidate.mask.largestComponent()
            return kept
        }
        var notes = checked?.notes ?? []
        if candidates.contains(where: { $0.mask.area == 0 }) {
            let wanted = checked == nil ? "" : " for this prompt"
            notes.append("the model found nothing\(wanted): a mask is empty")
        }
        let model = engine.model
        return Object(
            label: object.label, mode: object.mode, prompt: checked?.prompt ?? Prompt(),
            maskPath: object.maskPath, candidates: candidates, notes: notes,
            warnings: checked.map {
                model.kind.warnings(
                    about: $0.prompt, multimask: multimask, trainedWith: model.trainedPrompts)
                    + ModelCatalog.hints(about: $0.prompt, to: model)
            } ?? [])
    }
}
