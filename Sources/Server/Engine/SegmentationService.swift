import DICOM
import FileIO
import Foundation
import Imaging
import Inference
import Segmentation

/// Segments images for all protocols: the queue, the images, the audit log and the counters.
struct SegmentationService: Sendable {
    /// What a client wants to know about one frame.
    struct Question: Sendable {
        var frame = 1
        /// nil for a prompt-free model.
        var prompt: Prompt?
        var candidates = false
        var minimumPresence = AnswerOptions.defaultMinimumPresence
        /// What the request states about the size of a pixel.
        var spacing: PixelSpacing?
        var label: String?
        /// Who asks, in the audit log.
        var action: String
        var clientName: String?
    }

    /// The masks of one prompt, best estimate first.
    struct Answer: Sendable {
        let image: StoredImage
        let question: Question
        /// The model that made the masks.
        let model: ModelDescription
        /// The prompt that the model got: inside the image.
        let prompt: Prompt?
        let masks: [SegmentationResult]
        let notes: [String]
        let encodeSeconds: Double
        let decodeSeconds: Double
        let wasCached: Bool
    }

    /// Largest number of clicks of a prompt: the model decodes once for each.
    static let maximumClicks = 200

    let version: String
    let queue: EngineQueue
    let store: ImageStore
    /// The accepted masks; nil where no folder is served.
    let annotations: AnnotationStore?
    /// Unfinished work; nil where no folder is served.
    let drafts: DraftStore?
    /// The archive that images come from, and DICOM SEG go to; nil where none is served.
    let archive: Archive?
    let audit: AuditLog?
    let limits: ServerConfiguration.Limits

    /// The model that answers now.
    ///
    /// An answer has the one that made it: models can change.
    var model: ModelDescription { queue.model }

    /// The image that the path of a request names.
    ///
    /// - Throws: ``RequestError`` with status 404 where there is none.
    func image(_ context: ServerContext) async throws -> StoredImage {
        try await image(id: context.id(of: "id"))
    }

    /// An image by its id; one of an archive is fetched.
    ///
    /// - Throws: ``RequestError`` with status 404 where there is none.
    func image(id: String) async throws -> StoredImage {
        if let archive {
            try await Blocking.run(for: .archive) {
                if let file = archive.file(id: id) { try archive.fetch(file) }
            }
        }
        let store = store
        return try await Blocking.run { try store.image(id: id) }
    }

    /// Encodes a frame, so that the first prompt is answered at once.
    ///
    /// - Returns: whether it was in the cache, and the time in seconds.
    func encode(
        _ image: StoredImage, frame: Int, for client: ClientConnection
    ) async throws -> (wasCached: Bool, seconds: Double) {
        try image.check(frame: frame)
        let store = store
        return try await queue.run(for: client) { session in
            let start = ContinuousClock.now
            let encoded = try session.encoded(image.key(frame: frame)) {
                try store.frame(frame, of: image).checkedNotBlank()
            }
            return (encoded.wasCached, (ContinuousClock.now - start).inSeconds)
        }
    }

    /// Segments one object.
    ///
    /// - Throws: ``RequestError``, `PromptError`, errors of reading and of the model.
    func segment(
        _ image: StoredImage, _ question: Question, for client: ClientConnection
    ) async throws -> Answer {
        try image.check(frame: question.frame)
        // Checked before it waits.
        let clicks = question.prompt?.clicks.count ?? 0
        guard clicks <= Self.maximumClicks else {
            throw RequestError.unprocessable(
                "the prompt has \(clicks) clicks; at most \(Self.maximumClicks) are read")
        }
        let prompt = try question.prompt?.checked(for: image.size)
        let store = store
        let answer = try await queue.run(for: client) { session in
            let start = ContinuousClock.now
            let (encoded, wasCached) = try session.encoded(image.key(frame: question.frame)) {
                try store.frame(question.frame, of: image).checkedNotBlank()
            }
            let middle = ContinuousClock.now
            let masks =
                try prompt.map {
                    try encoded.segment(
                        $0, multimask: question.candidates,
                        options: AnswerOptions(minimumPresence: question.minimumPresence))
                } ?? [encoded.segmentPromptFree()]
            var notes = prompt?.notes ?? []
            if let prompt {
                let model = session.model
                notes += model.architecture.warnings(
                    about: prompt.prompt, multimask: question.candidates,
                    trainedWith: model.trainedPrompts)
            }
            return Answer(
                image: image, question: question, model: session.model, prompt: prompt?.prompt,
                masks: masks, notes: notes, encodeSeconds: (middle - start).inSeconds,
                decodeSeconds: (ContinuousClock.now - middle).inSeconds, wasCached: wasCached)
        }
        audit?.append(answer, version: version)
        return answer
    }

    /// Runs a network of the model on tensors.
    ///
    /// - Parameters:
    ///   - network: one of the queue's networks.
    ///   - inputs: tensors that were checked for it.
    ///   - action: the name of the route in the audit log.
    ///   - client: the client that waits for the answer.
    /// - Returns: the outputs.
    /// - Throws: ``RequestError``, errors of the model.
    func run(
        _ network: TensorNetwork, _ inputs: [String: FloatTensor], action: String,
        for client: ClientConnection
    ) async throws -> [FloatTensor] {
        let start = ContinuousClock.now
        let (results, model) = try await queue.run(for: client) { session in
            (try session.run(network, inputs), session.model)
        }
        let seconds = (ContinuousClock.now - start).inSeconds
        audit?.append(
            .init(action: action, model: model, version: version, seconds: seconds),
            inputs: network.inputs.compactMap { inputs[$0.name] }, outputs: results)
        return results
    }
}

extension Image {
    /// The image itself.
    ///
    /// - Throws: ``RequestError`` if all pixels have the same value: a model would still return a
    ///   mask.
    fileprivate func checkedNotBlank() throws(RequestError) -> Image {
        if let value = uniformValue {
            let numbers = value.map(String.init).joined(separator: ",")
            throw .unprocessable("the image is blank: every pixel has the value \(numbers)")
        }
        return self
    }
}
