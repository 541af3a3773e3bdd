import FileIO
import Foundation
import Hummingbird
import Imaging
import Segmentation

/// The protocol of CVAT's interactors: the call of a nuclio function, `POST /`.
struct CVATInteractor {
    let service: SegmentationService

    func add(to table: inout RouteTable) {
        table.add(.post, "/", interact)
    }

    private struct Body: Decodable {
        let image: String
        var posPoints: [[Double]]?
        var negPoints: [[Double]]?
        /// Two corners, as one list or as two points.
        var objBbox: [[Double]]?
    }

    private struct Answer: Encodable {
        let points: [[Double]]
        let mask: [[UInt8]]
    }

    @Sendable private func interact(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let body = try await JSON.decode(Body.self, from: request.bytes(context, service.limits))
        var clicks: [PromptClick] = []
        for (points, isForeground) in [(body.posPoints, true), (body.negPoints, false)] {
            for point in points ?? [] {
                guard point.count == 2 else {
                    throw RequestError.unprocessable("a point has 2 numbers, found \(point.count)")
                }
                clicks.append(
                    PromptClick(PixelPoint(x: point[0], y: point[1]), isForeground: isForeground))
            }
        }
        var box: PixelRectangle?
        if let corners = body.objBbox?.flatMap({ $0 }), !corners.isEmpty {
            guard corners.count == 4 else {
                throw RequestError.unprocessable("obj_bbox needs two corners")
            }
            box = PixelRectangle(x0: corners[0], y0: corners[1], x1: corners[2], y1: corners[3])
        }
        let (store, data) = (service.store, try SegmentRequest.decoded(body.image))
        let image = try await Blocking.run { try store.image(data) }
        let answer = try await service.segment(
            image,
            .init(
                prompt: service.model.architecture.isPromptFree
                    ? nil : Prompt(clicks: clicks, box: box),
                action: "POST /"),
            for: context.client)
        let mask = answer.masks[0].mask
        let rows = (0..<mask.height).map {
            Array(mask.values[$0 * mask.width..<($0 + 1) * mask.width])
        }
        return try .json(Answer(points: mask.outline(tolerance: 0.001), mask: rows))
    }
}
