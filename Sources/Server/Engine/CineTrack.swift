import Imaging
import Segmentation
import Tracking

/// Follows one object through a cine, one frame of the queue at a time, so that clicks of others are
/// answered in between.
struct CineTrack: Sendable {
    /// Where the frames come from.
    enum Frames: Sendable {
        /// The frames of one image.
        case cine(StoredImage)
        /// Images of one size, one for each frame; at least one.
        case images([StoredImage])

        var count: Int {
            switch self {
            case .cine(let image): image.frames
            case .images(let images): images.count
            }
        }

        /// Finds a frame.
        ///
        /// - Parameter number: from 1.
        /// - Returns: its image, and its number in that image.
        func place(_ number: Int) -> (image: StoredImage, frame: Int) {
            switch self {
            case .cine(let image): (image, number)
            case .images(let images): (images[number - 1], 1)
            }
        }
    }

    /// What became of a frame.
    struct Step: Sendable {
        let frame: Int
        let isPrompted: Bool
        /// nil where the frame cannot be read.
        let answer: SegmentationService.Answer?
        let failure: String?
    }

    private enum Outcome: Sendable {
        case mask(
            SegmentationResult, ObjectTracker, ModelDescription, encode: Double, decode: Double)
        case unreadable(String)
    }

    private let service: SegmentationService
    private let frames: Frames
    private let action: String
    private let prompts: [Int: Prompt]
    private let clientName: String?
    private let spacing: PixelSpacing?
    private let first: Int
    private var remaining: ArraySlice<Int>
    private var tracker = ObjectTracker()
    private var atFirst = ObjectTracker()

    /// - Parameters:
    ///   - service: the model.
    ///   - frames: the cine.
    ///   - prompts: by frames of `range`; at least one.
    ///   - range: the frames to visit.
    ///   - spacing: what the request states about the size of a pixel.
    ///   - action: the name of the route in the audit log.
    ///   - clientName: who asks, in the audit log.
    init(
        _ service: SegmentationService, _ frames: Frames, prompts: [Int: Prompt],
        range: ClosedRange<Int>, spacing: PixelSpacing? = nil, action: String,
        clientName: String? = nil
    ) {
        first = prompts.keys.min() ?? range.lowerBound
        let order = CineTracker.order(frames: frames.count, first: first)
        remaining = (order.forwards + order.backwards).filter { range.contains($0) }[...]
        (self.service, self.frames, self.prompts) = (service, frames, prompts)
        (self.spacing, self.action, self.clientName) = (spacing, action, clientName)
    }

    /// Segments the next frame: forwards from the first prompt, then backwards from it.
    ///
    /// - Returns: nil after the last frame.
    /// - Throws: ``RequestError``, `PromptError`, errors of the model, errors of reading a frame that
    ///   has a prompt.
    mutating func next(for client: ClientConnection) async throws -> Step? {
        guard let number = remaining.popFirst() else { return nil }
        if number == first - 1 { tracker = atFirst }
        let prompt = prompts[number]
        switch try await outcome(number, prompt, for: client) {
        case .unreadable(let reason):
            return Step(frame: number, isPrompted: false, answer: nil, failure: reason)
        case .mask(let result, let next, let model, let encode, let decode):
            tracker = next
            if number == first { atFirst = next }
            let (image, frame) = frames.place(number)
            var question = SegmentationService.Question(
                frame: frame, prompt: prompt, action: action)
            (question.spacing, question.clientName) = (spacing, clientName)
            let answer = SegmentationService.Answer(
                image: image, question: question, model: model, prompt: prompt, masks: [result],
                notes: [],
                encodeSeconds: encode, decodeSeconds: decode, wasCached: false)
            service.audit?.append(answer, version: service.version)
            return Step(frame: number, isPrompted: prompt != nil, answer: answer, failure: nil)
        }
    }

    private func outcome(
        _ number: Int, _ prompt: Prompt?, for client: ClientConnection
    ) async throws -> Outcome {
        let (store, tracker) = (service.store, tracker)
        let (image, place) = frames.place(number)
        let end = ContinuousClock.now + .seconds(service.limits.waitingSeconds)
        while true {
            do {
                return try await service.queue.run(for: client) { session in
                    var tracker = tracker
                    let start = ContinuousClock.now
                    let frame: Image
                    do {
                        frame = try store.frame(place, of: image)
                    } catch  where prompt == nil {
                        return .unreadable(RequestError(error).message)
                    }
                    // A model would still see something in a blank frame.
                    guard frame.uniformValue == nil || prompt != nil else {
                        let result = tracker.passOver(blankFrameOf: frame.size)
                        return .mask(result, tracker, session.model, encode: 0, decode: 0)
                    }
                    let encoded = try session.encoded(image.key(frame: place)) { frame }.image
                    let middle = ContinuousClock.now
                    let result = try tracker.segment(frame, encoded, prompt: prompt)
                    return .mask(
                        result, tracker, session.model, encode: (middle - start).inSeconds,
                        decode: (ContinuousClock.now - middle).inSeconds)
                }
            } catch let error as RequestError
                where error.retryAfter != nil && ContinuousClock.now < end
            {
                // The queue is full: a long track waits instead of losing what it has.
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}
