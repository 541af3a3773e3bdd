import Foundation
import HTTPTypes
import Hummingbird
import Imaging

/// Storing masks in the archive that the image came from: `POST /v1/images/{id}/seg/store`.
struct ArchiveRoutes {
    private struct Answer: Encodable {
        /// SOP Instance UID.
        let instance: String
        /// Whether it was sent; the archive had the same masks of the same model otherwise.
        let stored: Bool
        let notice = ResearchNotice.text
    }

    let service: SegmentationService

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.post, "/v1/images/{id}/seg/store", store)
    }

    @Sendable private func store(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard let archive = service.archive else {
            throw RequestError.notFound(
                "this server has no archive to store in: start it with --data https://…")
        }
        let image = try await service.image(context)
        guard try await Blocking.run(for: .archive, { archive.file(id: image.id) }) != nil else {
            throw RequestError.unprocessable("this image is not from the archive")
        }
        let (object, instance) = try await SegmentationExport(service).object(
            request, image: image, context)
        let isNew = try await Blocking.run(for: .archive) {
            try archive.store(object, instance: instance)
        }
        service.audit?.append(
            action: "masks stored in the archive", model: service.model, version: service.version)
        return try .json(
            Answer(instance: instance, stored: isNew), status: isNew ? .created : .ok)
    }
}
