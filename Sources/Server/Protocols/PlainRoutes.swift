import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging

/// The server's own interface: `/v1/…`, described by `/openapi.json`.
struct PlainRoutes {
    let service: SegmentationService
    private var limits: ServerConfiguration.Limits { service.limits }
    private var store: ImageStore { service.store }

    init(_ service: SegmentationService) {
        self.service = service
    }

    func add(to table: inout RouteTable) {
        table.add(.post, "/v1/segment", segment)
        table.add(.post, "/v1/images", upload)
        table.add(.get, "/v1/images", list)
        table.add(.get, "/v1/images/{id}", describe)
        table.add(.delete, "/v1/images/{id}", remove)
        table.add(.post, "/v1/images/{id}/encode", encode)
        table.add(.post, "/v1/images/{id}/segment", segmentStored)
        table.add(.get, "/v1/images/{id}/frames/{frame}", frame)
    }

    @Sendable private func segment(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let parsed = try SegmentRequest(
            await request.bytes(context, limits), contentType: request.headers[.contentType],
            action: "POST /v1/segment")
        guard let bytes = parsed.image else {
            throw RequestError.badRequest("the request has no image")
        }
        let store = store
        let image = try await Blocking.run { try store.image(bytes) }
        return try await answer(parsed, image: image, context)
    }

    @Sendable private func segmentStored(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try await service.image(context)
        let parsed = try SegmentRequest(
            await request.bytes(context, limits), contentType: request.headers[.contentType],
            action: "POST /v1/images/{id}/segment")
        guard parsed.image == nil else {
            throw RequestError.badRequest("the path already names an image: leave out 'image'")
        }
        return try await answer(parsed, image: image, context)
    }

    private func answer(
        _ request: SegmentRequest, image: StoredImage, _ context: ServerContext
    ) async throws -> Response {
        let answer = try await service.segment(image, request.question, for: context.client)
        return try .json(
            SegmentAnswer(answer, service: service, format: request.maskFormat))
    }

    @Sendable private func upload(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: KnownKeys {
            enum CodingKeys: CodingKey, CaseIterable { case image }

            let image: String
        }
        let encodes: Bool
        switch try request.query("encode") {
        case nil, "false": encodes = false
        case "true": encodes = true
        case let other?:
            throw RequestError.badRequest(
                "encode is '\(other.prefix(40))': true or false is needed")
        }
        let body = try await request.bytes(context, limits)
        let type = request.headers[.contentType]?.lowercased() ?? ""
        let bytes: [UInt8]
        if type.hasPrefix("multipart/form-data") {
            let form = try MultipartForm(body, contentType: request.headers[.contentType] ?? "")
            guard let part = form["image"] else {
                throw RequestError.badRequest("the form has no part 'image'")
            }
            bytes = Array(part.content)
        } else if type.hasPrefix("application/json") {
            bytes = try SegmentRequest.decoded(JSON.decodeKnown(Body.self, from: body).image)
        } else {
            bytes = body
        }
        let store = store
        let (image, isNew) = try await Blocking.run { try store.add(bytes) }
        var seconds: Double?
        if encodes {
            seconds = try await service.encode(image, frame: 1, for: context.client).seconds
        }
        return try .json(
            ImageAnswer(image, encodeSeconds: seconds), status: isNew ? .created : .ok)
    }

    @Sendable private func list(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Entry: Encodable {
            let id: String
            let name: String
            let accepted: Bool
            /// Whether unfinished work is saved.
            let draft: Bool
        }
        struct Body: Encodable {
            let images: [Entry]
            /// Number of images that the search finds; of all without one.
            let total: Int
            /// The place of the first listed image among these.
            let offset: Int
            /// Number of all images, and of those of which masks were accepted.
            let files: Int
            let accepted: Int
            /// Whether masks can be accepted: a folder is served.
            let canAccept: Bool
            /// Whether masks can be stored: an archive is served.
            let canStore: Bool
        }
        var offset = try context.number("offset", in: request.query("offset")) ?? 0
        let count = try context.number("limit", in: request.query("limit")) ?? 1000
        guard offset >= 0, (1...10_000).contains(count) else {
            throw RequestError.badRequest("offset must be at least 0, limit from 1 to 10000")
        }
        let service = service
        let files = try await service.store.files()
        // One frame of a cine counts for its file.
        let accepted = Set(
            (service.annotations?.acceptedNames() ?? []).map {
                $0.replacing(#/\.frame\d{4,}$/#, with: "")
            })
        let isAccepted: (SourceFile) -> Bool = {
            accepted.contains(AnnotationStore.name(of: $0.name, frame: nil))
        }
        let words = try request.query("search").map { $0.lowercased() } ?? ""
        let found = words.isEmpty ? files : files.filter { $0.name.lowercased().contains(words) }
        if let id = try request.query("around"),
            let index = found.firstIndex(where: { $0.id == id })
        {
            offset = index / count * count
        }
        let drafts = service.drafts?.ids() ?? []
        let entries = found.dropFirst(offset).prefix(count).map { file in
            Entry(
                id: file.id, name: file.name, accepted: isAccepted(file),
                draft: drafts.contains(file.id))
        }
        return try .json(
            Body(
                images: Array(entries), total: found.count, offset: offset, files: files.count,
                accepted: files.count(where: isAccepted),
                canAccept: service.annotations != nil,
                canStore: service.archive != nil))
    }

    @Sendable private func describe(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try .json(ImageAnswer(await service.image(context)))
    }

    @Sendable private func remove(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard try store.remove(context.id(of: "id")) else {
            throw RequestError.notFound("there is no uploaded image of this id")
        }
        return Response(status: .noContent)
    }

    @Sendable private func encode(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let frame: Int
            let seconds: Double
            let wasCached: Bool
        }
        let image = try await service.image(context)
        let frame = try context.number("frame", in: request.query("frame")) ?? 1
        let result = try await service.encode(image, frame: frame, for: context.client)
        return try .json(
            Body(frame: frame, seconds: result.seconds, wasCached: result.wasCached))
    }

    @Sendable private func frame(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try await service.image(context)
        guard let frame = try context.number("frame", in: context.id(of: "frame")[...])
        else { throw RequestError.badRequest("the path has no frame") }
        try image.check(frame: frame)
        let tag = "\"\(image.sha256.prefix(32))-\(frame)\""
        if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified) }
        let store = store
        let png = try await Blocking.run {
            try store.frame(frame, of: image).encodedPNG()
        }
        var response = Response.data(png, type: "image/png")
        response.headers[.eTag] = tag
        response.headers[.cacheControl] = "private, no-cache"
        return response
    }
}

extension ServerContext {
    /// The parameter of a route that names something.
    func id(of name: String) throws -> String {
        guard let id = parameters.get(name) else {
            throw RequestError.badRequest("the path has no \(name)")
        }
        return id
    }

    /// A whole number in a query or a path; nil where there is none.
    func number(_ name: String, in text: Substring?) throws -> Int? {
        guard let text else { return nil }
        guard let number = Int(text) else {
            throw RequestError.badRequest("\(name) is '\(text.prefix(40))': a number is needed")
        }
        return number
    }
}

/// Runs calls that block on threads of their own.
enum Blocking {
    /// What the calls wait for: those of one kind do not hold up the other.
    enum Kind {
        /// Decoding and writing files.
        case files
        /// Answers of an archive, which may take very long.
        case archive
    }

    private static let files = queue("samus.files", threads: 2)
    private static let archive = queue("samus.archive", threads: 4)

    private static func queue(_ name: String, threads: Int) -> OperationQueue {
        let queue = OperationQueue()
        queue.name = name
        queue.maxConcurrentOperationCount = threads
        return queue
    }

    /// Runs a call that blocks.
    ///
    /// - Parameters:
    ///   - kind: what it waits for.
    ///   - body: the call.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    static func run<Result: Sendable>(
        for kind: Kind = .files, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            (kind == .archive ? archive : files).addOperation {
                continuation.resume(with: Swift.Result { try body() })
            }
        }
    }
}
