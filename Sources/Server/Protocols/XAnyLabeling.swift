import FileIO
import Foundation
import Hummingbird
import Imaging
import Segmentation

/// The protocol of X-AnyLabeling's remote server: `/v1/models` and `/v1/predict`; cines are
/// ``XAnyLabelingVideo``.
///
/// An error is an answer with status 200 and `success` false, as the client expects; only a full
/// queue is 503.
struct XAnyLabeling {
    /// The name under which the model is listed.
    static let modelName = "samus"

    let service: SegmentationService

    func add(to table: inout RouteTable) {
        table.add(.get, "/v1/models", models)
        table.add(.get, "/v1/models/{model}/info", info)
        table.add(.post, "/v1/predict", predict)
        XAnyLabelingVideo(service: service).add(to: &table)
    }

    struct Success<Content: Encodable>: Encodable {
        let success = true
        let data: Content
    }

    private struct Failure: Encodable {
        struct Reason: Encodable {
            let code: String
            let message: String
        }
        let success = false
        let error: Reason
    }

    private struct Model: Encodable {
        struct Widget: Encodable {
            let name: String
            var value: Int?

            private enum CodingKeys: String, CodingKey { case name, value }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(name, forKey: .name)
                // `null` is written: the client reads the key.
                try container.encode(value, forKey: .value)
            }
        }

        let displayName: String
        let widgets = [
            Widget(name: "button_add_point"), Widget(name: "button_remove_point"),
            Widget(name: "button_add_rect"), Widget(name: "button_clear"),
            Widget(name: "button_finish_object"), Widget(name: "mask_fineness_slider", value: 10),
        ]
        let params: [String: String] = [:]
        var batchProcessingMode = "default"
    }

    /// What the client lists, by the names that its requests have.
    private var listed: [String: Model] {
        let name = "SAMUS (\(service.model.name))"
        var models = [Self.modelName: Model(displayName: name)]
        if !service.model.architecture.isPromptFree {
            models[XAnyLabelingVideo.modelName] = Model(
                displayName: "\(name), through a cine", batchProcessingMode: "video")
        }
        return models
    }

    @Sendable private func models(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try .json(Success(data: listed))
    }

    @Sendable private func info(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let models = listed
        guard let model = try models[context.id(of: "model")] else {
            throw RequestError.notFound(
                "the models of this server are \(models.keys.sorted().joined(separator: ", "))")
        }
        return try .json(Success(data: model))
    }

    private struct Body: Decodable {
        struct Mark: Decodable {
            let type: String
            let data: [Double]
            var label: Int?
        }

        struct Parameters: Decodable {
            var marks: [Mark]?
            var epsilonFactor: Double?
        }

        let model: String
        let image: String
        var params: Parameters?
    }

    /// A mask as the client reads it.
    struct Shape: Encodable {
        let label = "AUTOLABEL_OBJECT"
        let shapeType = "polygon"
        /// The outline; its first point is repeated at the end.
        let points: [[Double]]
        let score: Float

        /// - Returns: nil for an empty mask.
        init?(_ result: SegmentationResult, epsilonFactor: Double?) {
            let outline = result.mask.outline(tolerance: min(max(epsilonFactor ?? 0.001, 0), 0.1))
            guard let first = outline.first else { return nil }
            points = outline + [first]
            score = result.iouEstimate.isFinite ? min(max(result.iouEstimate, 0), 1) : 0
        }
    }

    private struct Shapes: Encodable {
        let shapes: [Shape]
        let description: String
        let replace = false
    }

    @Sendable private func predict(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        do {
            let bytes = try await request.bytes(context, service.limits)
            return try .json(Success(data: try await shapes(bytes, context)))
        } catch {
            let answer = RequestError(error)
            // The client reads other failures in an answer with the status 200.
            guard answer.status.code < 500, answer.status != .contentTooLarge else { throw error }
            return try .json(
                Failure(error: .init(code: "\(answer.status.code)", message: answer.message)))
        }
    }

    private func shapes(_ bytes: [UInt8], _ context: ServerContext) async throws -> Shapes {
        let body = try JSON.decode(Body.self, from: bytes)
        guard body.model == Self.modelName else {
            throw RequestError.notFound("the model of this server is '\(Self.modelName)'")
        }
        var clicks: [PromptClick] = []
        var box: PixelRectangle?
        let marks = body.params?.marks ?? []
        for mark in marks {
            switch (mark.type, mark.data.count) {
            case ("point", 2):
                clicks.append(
                    PromptClick(
                        PixelPoint(x: mark.data[0], y: mark.data[1]), isForeground: mark.label != 0)
                )
            case ("rectangle", 4):
                box = PixelRectangle(
                    x0: mark.data[0], y0: mark.data[1], x1: mark.data[2], y1: mark.data[3])
            default:
                throw RequestError.unprocessable(
                    "a mark is a point with 2 numbers or a rectangle with 4")
            }
        }
        // Without marks the client asks for a prediction of the whole image.
        if marks.isEmpty && !service.model.architecture.isPromptFree {
            return Shapes(shapes: [], description: "Add a point or a rectangle.")
        }
        let data = try SegmentRequest.decoded(body.image)
        let store = service.store
        let image = try await Blocking.run { try store.image(data) }
        let answer = try await service.segment(
            image,
            .init(
                prompt: marks.isEmpty ? nil : Prompt(clicks: clicks, box: box),
                action: "POST /v1/predict"),
            for: context.client)
        let shapes = answer.masks.compactMap {
            Shape($0, epsilonFactor: body.params?.epsilonFactor)
        }
        return Shapes(
            shapes: shapes,
            description: (shapes.isEmpty ? "Nothing found. " : "")
                + ResearchNotice.text)
    }
}
