import HTTPTypes
import Hummingbird

/// Unfinished work on an image: `/v1/images/{id}/draft`.
struct DraftRoutes {
    let service: SegmentationService

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.get, "/v1/images/{id}/draft", load)
        table.add(.put, "/v1/images/{id}/draft", save)
        table.add(.delete, "/v1/images/{id}/draft", remove)
    }

    private func target(_ context: ServerContext) async throws -> (drafts: DraftStore, name: String)
    {
        guard let drafts = service.drafts else {
            throw RequestError.notFound(
                "this server has no folder to save drafts in: start it with --data")
        }
        let image = try await service.image(context)
        let isListed = service.store.data?.file(id: image.id) != nil
        return (drafts, DraftStore.name(of: image, isListed: isListed))
    }

    @Sendable private func load(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (drafts, name) = try await target(context)
        guard let (content, tag) = try await Blocking.run({ try drafts.draft(name) }) else {
            // Not an error: the page asks this about every image that it opens.
            return Response(status: .noContent)
        }
        var response = Response.data(content, type: "application/json")
        response.headers[.eTag] = tag
        return response
    }

    @Sendable private func save(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (drafts, name) = try await target(context)
        let content = try await request.bytes(context, service.limits)
        let formerTag = request.headers[.ifMatch]
        let tag = try await Blocking.run {
            try drafts.save(content, name: name, formerTag: formerTag)
        }
        var response = Response(status: .noContent)
        response.headers[.eTag] = tag
        return response
    }

    @Sendable private func remove(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (drafts, name) = try await target(context)
        let formerTag = request.headers[.ifMatch]
        try await Blocking.run { try drafts.remove(name, formerTag: formerTag) }
        return Response(status: .noContent)
    }
}
