import FileIO
import Foundation
import Hummingbird
import Imaging
import NIOCore
import Segmentation
import ServiceLifecycle
import Synchronization

/// Cines of X-AnyLabeling: `/v1/video/…`.
///
/// The client sends all images of a folder once, then points on one of them, then asks for the masks of
/// the others, which come as server-sent events. Unlike those of `/v1/predict`, errors have a status of
/// their own, because the client takes every answer with the status 200 for a success.
struct XAnyLabelingVideo {
    /// The name under which the model is listed for cines.
    static let modelName = "samus-video"

    let service: SegmentationService
    private let sessions: VideoSessions

    init(service: SegmentationService) {
        self.service = service
        sessions = VideoSessions(limit: service.limits.uploadedBytes)
    }

    func add(to table: inout RouteTable) {
        table.add(.post, "/v1/video/init", start)
        table.add(.post, "/v1/video/prompt", prompt)
        table.add(.post, "/v1/video/propagate/stream", propagate)
        table.add(.post, "/v1/video/cleanup/{session}", end)
    }

    private func check(model: String) throws(RequestError) {
        guard model == Self.modelName, !service.model.architecture.isPromptFree else {
            throw .notFound(
                service.model.architecture.isPromptFree
                    ? "\(service.model.name) takes no prompts, which tracking needs"
                    : "the model for cines is '\(Self.modelName)'")
        }
    }

    // MARK: A session

    private struct StartBody: Decodable {
        let model: String
        /// Images as `data:` URLs.
        let frames: [String]
    }

    @Sendable private func start(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Started: Encodable {
            let sessionId: String
            let totalFrames: Int
        }
        let body = try await JSON.decode(
            StartBody.self, from: request.bytes(context, service.limits))
        try check(model: body.model)
        guard (1...VideoSessions.maximumFrames).contains(body.frames.count) else {
            throw RequestError.unprocessable(
                "the cine has \(body.frames.count) frames; 1 to \(VideoSessions.maximumFrames) are "
                    + "taken")
        }
        let store = service.store
        let images = try await Blocking.run {
            try body.frames.enumerated().map { index, frame in
                let image = try store.image(SegmentRequest.decoded(frame))
                guard image.frames == 1 else {
                    throw RequestError.unprocessable(
                        "image \(index + 1) has \(image.frames) frames; a cine is sent as single "
                            + "images")
                }
                return image
            }
        }
        for (index, image) in images.enumerated() where image.size != images[0].size {
            throw RequestError.unprocessable(
                "the frames of a cine have one size: image \(index + 1) has \(image.size) pixels, the "
                    + "first has \(images[0].size)")
        }
        let id = sessions.add(images)
        return try .json(
            XAnyLabeling.Success(data: Started(sessionId: id, totalFrames: images.count)))
    }

    @Sendable private func end(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await request.bytes(context, service.limits)
        guard sessions.remove(try context.id(of: "session")) else { throw VideoSessions.unknown }
        return try .json(XAnyLabeling.Success(data: [String: String]()))
    }

    // MARK: Points

    private struct PromptBody: Decodable {
        struct Parameters: Decodable {
            var epsilonFactor: Double?
        }

        let sessionId: String
        let model: String
        /// From 0.
        let frameIndex: Int
        /// x and y as shares of width and height.
        var points: [[Double]]?
        var pointLabels: [Int]?
        var objId: Int?
        var textPrompt: String?
        var params: Parameters?
    }

    private struct Masks: Encodable {
        let masks: [XAnyLabeling.Shape]
    }

    @Sendable private func prompt(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let body = try await JSON.decode(
            PromptBody.self, from: request.bytes(context, service.limits))
        try check(model: body.model)
        guard let points = body.points, !points.isEmpty else {
            throw RequestError.unprocessable(
                body.textPrompt == nil
                    ? "the prompt has no points"
                    : "\(service.model.name) takes points, not a text")
        }
        let session = try sessions.session(body.sessionId)
        guard session.images.indices.contains(body.frameIndex) else {
            throw RequestError.unprocessable(
                "there is no frame \(body.frameIndex): the session has frames 0 to "
                    + "\(session.images.count - 1)")
        }
        let image = session.images[body.frameIndex]
        let labels = body.pointLabels ?? Array(repeating: 1, count: points.count)
        guard labels.count == points.count, points.allSatisfy({ $0.count == 2 }) else {
            throw RequestError.unprocessable(
                "each point needs 2 numbers and a label: \(points.count) points and "
                    + "\(labels.count) labels are given")
        }
        let clicks = zip(points, labels).map { point, label in
            PromptClick(
                PixelPoint(
                    x: point[0] * Double(image.size.width),
                    y: point[1] * Double(image.size.height)),
                isForeground: label != 0)
        }
        let answer = try await service.segment(
            image, .init(prompt: Prompt(clicks: clicks), action: "POST /v1/video/prompt"),
            for: context.client)
        try sessions.set(
            answer.prompt, object: body.objId ?? 1, frame: body.frameIndex + 1,
            epsilonFactor: body.params?.epsilonFactor, session: body.sessionId)
        let shapes = answer.masks.compactMap {
            XAnyLabeling.Shape($0, epsilonFactor: body.params?.epsilonFactor)
        }
        return try .json(XAnyLabeling.Success(data: Masks(masks: shapes)))
    }

    // MARK: The other frames

    private struct PropagateBody: Decodable {
        let sessionId: String
        let model: String
        /// From 0.
        var startFrame: Int?
        /// The last one.
        var endFrame: Int?
    }

    /// An event, as the client reads it.
    private struct Event: Encodable {
        let type: String
        var totalFrames: Int?
        var startFrameIndex: Int?
        var currentFrame: Int?
        /// By the number of the frame, from 0.
        var results: [String: Masks]?
        var message: String?
        let notice = ResearchNotice.text

        var text: ByteBuffer {
            get throws {
                ByteBuffer(bytes: Array("data: ".utf8) + (try JSON.encode(self)) + [0x0A, 0x0A])
            }
        }
    }

    @Sendable private func propagate(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let body = try await JSON.decode(
            PropagateBody.self, from: request.bytes(context, service.limits))
        try check(model: body.model)
        let session = try sessions.session(body.sessionId)
        let (first, last) = (body.startFrame ?? 0, body.endFrame ?? session.images.count - 1)
        guard 0 <= first, first <= last, last < session.images.count else {
            throw RequestError.unprocessable(
                "frames \(first) to \(last) are not in the session, which has frames 0 to "
                    + "\(session.images.count - 1)")
        }
        let range = first + 1...last + 1
        let tracks = session.prompts.sorted { $0.key < $1.key }.compactMap { _, prompts in
            let prompts = prompts.filter { range.contains($0.key) }
            return prompts.isEmpty
                ? nil
                : CineTrack(
                    service, .images(session.images), prompts: prompts, range: range,
                    action: "POST /v1/video/propagate/stream")
        }
        guard !tracks.isEmpty else {
            throw RequestError.unprocessable(
                "no frame from \(first) to \(last) has a point: mark the object on one of them")
        }
        let (client, factor) = (context.client, session.epsilonFactor)
        var response = Response(
            status: .ok, headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                try await writer.write(
                    Event(
                        type: "started", totalFrames: session.images.count,
                        startFrameIndex: first
                    ).text)
                do {
                    var results: [String: Masks] = [:]
                    for (index, track) in tracks.enumerated() {
                        var track = track
                        while let step = try await track.next(for: client) {
                            let number = step.frame - 1
                            let shapes = (step.answer?.masks ?? []).compactMap {
                                XAnyLabeling.Shape($0, epsilonFactor: factor)
                            }
                            let former = results["\(number)"]?.masks ?? []
                            results["\(number)"] = Masks(masks: former + shapes)
                            guard !Task.isShuttingDownGracefully else {
                                throw RequestError(
                                    .serviceUnavailable, "the server is shutting down")
                            }
                            if index == 0 {
                                try await writer.write(
                                    Event(type: "progress", currentFrame: number).text)
                            }
                        }
                    }
                    try await writer.write(Event(type: "completed", results: results).text)
                } catch  where !client.isGone {
                    try await writer.write(
                        Event(type: "error", message: RequestError(error).message).text)
                }
                try await writer.finish(nil)
            })
        response.headers[.cacheControl] = "no-store"
        return response
    }
}

/// The cines that clients work on, the least recently used removed first.
private final class VideoSessions: Sendable {
    struct Session {
        let images: [StoredImage]
        /// By object, then by frame, from 1.
        var prompts: [Int: [Int: Prompt]] = [:]
        /// How coarse outlines are, of the last prompt.
        var epsilonFactor: Double?
        var used = 0

        var bytes: Int { images.reduce(0) { $0 + $1.bytes } }
    }

    /// Largest number of frames of a session, of objects, and of sessions.
    static let (maximumFrames, maximumObjects, maximumSessions) = (10_000, 64, 256)

    static let unknown = RequestError.notFound("there is no such session, or it has ended")

    private struct State {
        var sessions: [String: Session] = [:]
        var clock = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: largest size of all files, in bytes; the newest session is always kept.
    init(limit: Int) {
        self.limit = limit
    }

    /// Keeps the frames of a cine.
    ///
    /// - Returns: the id of the session.
    func add(_ images: [StoredImage]) -> String {
        let id = UUID().uuidString.lowercased()
        state.withLock { state in
            state.clock += 1
            state.sessions[id] = Session(images: images, used: state.clock)
            while state.sessions.count > 1,
                state.sessions.count > Self.maximumSessions
                    || state.sessions.values.reduce(0, { $0 + $1.bytes }) > limit,
                let oldest = state.sessions.min(by: { $0.value.used < $1.value.used })
            {
                state.sessions[oldest.key] = nil
            }
        }
        return id
    }

    /// - Throws: ``RequestError`` with status 404 where there is none.
    func session(_ id: String) throws(RequestError) -> Session {
        let found = state.withLock { state -> Session? in
            state.clock += 1
            state.sessions[id]?.used = state.clock
            return state.sessions[id]
        }
        guard let found else { throw Self.unknown }
        return found
    }

    /// Replaces the prompt of an object on a frame.
    ///
    /// - Throws: ``RequestError`` where there is no such session, or it has too many objects.
    func set(
        _ prompt: Prompt?, object: Int, frame: Int, epsilonFactor: Double?, session id: String
    ) throws(RequestError) {
        let failure = state.withLock { state -> RequestError? in
            guard var session = state.sessions[id] else { return Self.unknown }
            guard session.prompts[object] != nil || session.prompts.count < Self.maximumObjects
            else {
                return .unprocessable("a session has at most \(Self.maximumObjects) objects")
            }
            session.prompts[object, default: [:]][frame] = prompt
            session.epsilonFactor = epsilonFactor
            state.sessions[id] = session
            return nil
        }
        if let failure { throw failure }
    }

    /// Forgets a session.
    ///
    /// - Returns: false where there was none.
    func remove(_ id: String) -> Bool {
        state.withLock { $0.sessions.removeValue(forKey: id) != nil }
    }
}
