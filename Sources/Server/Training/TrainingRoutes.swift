import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging
import Segmentation

/// Training on the accepted masks: `/v1/training`.
struct TrainingRoutes {
    private struct Body: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case recipe, epochs, minutes, resume }

        var recipe: TrainingOptions.Recipe?
        var epochs: Int?
        var minutes: Int?
        var resume: Bool?
    }

    private struct ModelBody: KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case use }

        let use: TrainingStatus.Served
    }

    let training: TrainingService
    private var limits: ServerConfiguration.Limits { training.service.limits }

    init(_ training: TrainingService) {
        self.training = training
    }

    func add(to table: inout RouteTable) {
        table.add(.get, "/v1/training", status)
        table.add(.post, "/v1/training", start)
        table.add(.delete, "/v1/training", stop)
        table.add(.post, "/v1/training/model", use)
    }

    @Sendable private func status(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try .json(await training.status())
    }

    @Sendable private func start(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let bytes = try await request.bytes(context, limits)
        let body = try JSON.decodeKnown(Body.self, from: bytes.isEmpty ? Array("{}".utf8) : bytes)
        guard body.resume == true else {
            var options = TrainingOptions()
            if let recipe = body.recipe { options.recipe = recipe }
            if let epochs = body.epochs { options.epochs = epochs }
            if let minutes = body.minutes { options.minutes = minutes }
            return try .json(await training.start(options), status: .accepted)
        }
        guard body.recipe == nil, body.epochs == nil, body.minutes == nil else {
            throw RequestError.badRequest(
                "a training goes on with its own options: leave out recipe, epochs and minutes")
        }
        return try .json(await training.start(nil), status: .accepted)
    }

    @Sendable private func stop(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        _ = try await request.bytes(context, limits)
        return try .json(await training.stop())
    }

    @Sendable private func use(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let body = try await JSON.decodeKnown(ModelBody.self, from: request.bytes(context, limits))
        return try .json(await training.use(body.use))
    }
}
