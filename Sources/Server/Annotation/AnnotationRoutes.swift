import DICOM
import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging

/// Accepting masks into the served folder: `/v1/images/{id}/annotation`.
struct AnnotationRoutes {
    let service: SegmentationService

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.get, "/v1/images/{id}/annotation", load)
        table.add(.put, "/v1/images/{id}/annotation", store)
    }

    /// The image, the frame, and the name of their files.
    private func target(
        _ request: Request, _ context: ServerContext
    ) async throws -> (image: StoredImage, frame: Int, name: String, store: AnnotationStore) {
        guard let annotations = service.annotations else {
            throw RequestError(
                .notFound,
                "this server has no folder to store annotations in: start it with --data")
        }
        let image = try await service.image(context)
        let frame = try context.number("frame", in: request.query("frame")) ?? 1
        try image.check(frame: frame)
        let path =
            service.store.data?.file(id: image.id)?.name ?? "upload-\(image.sha256.prefix(12))"
        let name = AnnotationStore.name(of: path, frame: image.frames > 1 ? frame : nil)
        return (image, frame, name, annotations)
    }

    @Sendable private func load(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (_, _, name, annotations) = try await target(request, context)
        guard let (content, tag) = try annotations.record(name) else {
            throw RequestError.notFound("nothing was accepted for this image")
        }
        var response = Response.data(content, type: "application/json")
        response.headers[.eTag] = tag
        return response
    }

    @Sendable private func store(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: KnownKeys {
            enum CodingKeys: CodingKey, CaseIterable { case objects }

            let objects: [AnnotationStore.Object]
        }
        struct Stored: Encodable {
            let dataset: String
            let name: String
        }
        let (image, frame, name, annotations) = try await target(request, context)
        let body = try await JSON.decodeKnown(
            Body.self, from: request.bytes(context, service.limits))
        let objects = body.objects
        guard objects.count <= AnnotationStore.maximumObjects else {
            throw RequestError.unprocessable(
                "at most \(AnnotationStore.maximumObjects) objects are stored for an image")
        }
        for object in objects {
            let isPlain = object.label.unicodeScalars.allSatisfy { $0.value >= 32 }
            guard (1...100).contains(object.label.count), isPlain else {
                throw RequestError.unprocessable("a label has 1 to 100 visible characters")
            }
            if let model = object.model, model.name.count > 200 || model.sha256.count > 64 {
                throw RequestError.unprocessable("a model has a name and a SHA-256")
            }
        }
        let record = AnnotationStore.Record(
            image: name, imageSha256: image.sha256, patient: await image.patient(), frame: frame,
            width: image.size.width,
            height: image.size.height, objects: objects,
            model: .init(name: service.model.name, sha256: service.model.sha256),
            version: service.version, accepted: Date.now.formatted(.iso8601))
        let store = service.store
        let formerTag = request.headers[.ifMatch]
        let tag = try await Blocking.run {
            let mask = try objects.first?.decodedMask(size: image.size)
            return try annotations.accept(
                record, name: name, image: store.frame(frame, of: image),
                spacing: image.calibration(of: mask?.boundingBox, given: nil).spacing,
                formerTag: formerTag)
        }
        var response = try Response.json(
            Stored(dataset: AnnotationStore.dataset, name: name),
            status: formerTag == nil ? .created : .ok)
        response.headers[.eTag] = tag
        return response
    }
}
