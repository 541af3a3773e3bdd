import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import NIOCore
import Segmentation
import ServiceLifecycle

/// An object through a cine: `POST /v1/images/{id}/track`, answered line by line as frames are done.
struct TrackRoutes {
    private struct Body: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable {
            case prompts, firstFrame, lastFrame, spacing, clientId
        }

        let prompts: [FramePrompt]
        var firstFrame: Int?
        var lastFrame: Int?
        var spacing: [Double]?
        var clientId: String?
    }

    private struct FramePrompt: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case frame, clicks, box }

        let frame: Int
        var clicks: [SegmentRequest.Click]?
        var box: [Double]?
    }

    /// A line about a frame.
    private struct FrameLine: Encodable {
        let frame: Int
        let isPrompted: Bool
        let mask: SegmentAnswer.MaskEntry?
        let failure: String?
    }

    /// The last line; where it is missing, the answer is not complete.
    private struct LastLine: Encodable {
        let done: Bool
        let frames: Int
        let error: String?
        let notice = ResearchNotice.text
    }

    let service: SegmentationService

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.post, "/v1/images/{id}/track", track)
    }

    @Sendable private func track(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try await service.image(context)
        let body = try await JSON.decodeKnown(
            Body.self, from: request.bytes(context, service.limits))
        var track = try track(body, of: image)
        let client = context.client
        // Before the answer begins, so that a wrong prompt has a status of its own.
        let first = try await track.next(for: client)
        var response = Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody { [track] writer in
                var track = track
                var (step, count) = (first, 0)
                do {
                    while let done = step {
                        count += 1
                        try await writer.write(Self.line(frameLine(done)))
                        guard !Task.isShuttingDownGracefully else {
                            throw RequestError(.serviceUnavailable, "the server is shutting down")
                        }
                        step = try await track.next(for: client)
                    }
                    try await writer.write(
                        Self.line(LastLine(done: true, frames: count, error: nil)))
                } catch  where !client.isGone {
                    let reason = RequestError(error).message
                    try await writer.write(
                        Self.line(LastLine(done: false, frames: count, error: reason)))
                }
                try await writer.finish(nil)
            })
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private func track(_ body: Body, of image: StoredImage) throws -> CineTrack {
        guard !service.model.architecture.isPromptFree else {
            throw RequestError.unprocessable(
                "\(service.model.name) takes no prompts, which tracking needs")
        }
        let (first, last) = (body.firstFrame ?? 1, body.lastFrame ?? image.frames)
        try image.check(frame: first)
        try image.check(frame: last)
        guard first <= last else {
            throw RequestError.unprocessable(
                "first_frame is \(first), after last_frame, which is \(last)")
        }
        var prompts: [Int: Prompt] = [:]
        for given in body.prompts {
            guard first <= given.frame, given.frame <= last else {
                throw RequestError.unprocessable(
                    "a prompt is on frame \(given.frame); frames \(first) to \(last) are tracked")
            }
            guard prompts[given.frame] == nil else {
                throw RequestError.unprocessable("frame \(given.frame) has two prompts")
            }
            let clicks = (given.clicks ?? []).map(\.promptClick)
            guard clicks.count <= SegmentationService.maximumClicks else {
                throw RequestError.unprocessable(
                    "a prompt has \(clicks.count) clicks; at most "
                        + "\(SegmentationService.maximumClicks) are read")
            }
            let prompt = Prompt(clicks: clicks, box: try SegmentRequest.box(given.box))
            prompts[given.frame] = try prompt.checked(for: image.size).prompt
        }
        guard !prompts.isEmpty else {
            throw RequestError.unprocessable("tracking needs a prompt on at least one frame")
        }
        return CineTrack(
            service, .cine(image), prompts: prompts, range: first...last,
            spacing: try body.spacing.map { try SegmentRequest.spacing($0) },
            action: "POST /v1/images/{id}/track", clientName: body.clientId)
    }

    private func frameLine(_ step: CineTrack.Step) throws -> FrameLine {
        FrameLine(
            frame: step.frame, isPrompted: step.isPrompted,
            mask: try step.answer.map {
                try SegmentAnswer.MaskEntry($0.masks[0], candidate: 1, of: $0, format: .rle)
            }, failure: step.failure)
    }

    private static func line(_ value: some Encodable) throws -> ByteBuffer {
        ByteBuffer(bytes: try JSON.encode(value) + [UInt8(ascii: "\n")])
    }
}
