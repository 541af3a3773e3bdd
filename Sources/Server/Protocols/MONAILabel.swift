import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Imaging
import Segmentation

/// The protocol of MONAI Label, which 3D Slicer and OHIF speak.
///
/// Answers have a fixed length: the client of 3D Slicer waits for ever for an answer in chunks.
struct MONAILabel {
    /// The name under which the model is listed.
    static let modelName = "samus"

    let service: SegmentationService
    let training: TrainingService
    let labels: LabelFiles

    private var store: ImageStore { service.store }

    func add(to table: inout RouteTable) {
        table.add(.get, "/info", info)
        table.add(.get, "/auth", auth)
        table.add(.put, "/session", createSession)
        table.add(.get, "/session/{id}", session)
        table.add(.delete, "/session/{id}", removeSession)
        table.add(.post, "/infer/{model}", infer)
        table.add(.post, "/activelearning/{strategy}", nextSample)
        MONAITraining(training: training).add(to: &table)
        MONAIDatastore(service: service, labels: labels).add(to: &table)
    }

    @Sendable private func auth(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        try .json(["enabled": false])
    }

    @Sendable private func info(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Model: Encodable {
            let type: String
            let labels: [String]
            let dimension = 2
            let description: String
            let config: [String: String] = [:]
        }
        struct Strategy: Encodable {
            let description: String
            let config: [String: String] = [:]
        }
        struct Datastore: Encodable {
            let total: Int
            let completed: Int
            let labelTags: [String: Int]
        }
        // No key `config`: 3D Slicer takes it for a server that is too old.
        struct Body: Encodable {
            let name = "SAMUS"
            let description: String
            let version: String
            let labels = ["object"]
            let models: [String: Model]
            let trainers: [String: MONAITraining.Trainer]
            let strategies: [String: Strategy]
            let scoring: [String: String] = [:]
            let trainStats: [String: MONAITraining.Stats]
            let datastore: Datastore
        }
        let isPromptFree = service.model.architecture.isPromptFree
        let files = try await store.files()
        let tags = labels.tags()
        let status = try? await training.status()
        return try .json(
            Body(
                description: "\(service.model.name): \(ResearchNotice.text)",
                version: service.version,
                models: [
                    Self.modelName: Model(
                        type: isPromptFree ? "segmentation" : "deepgrow", labels: ["object"],
                        description:
                            "\(service.model.name), slice by slice; \(ResearchNotice.text)")
                ],
                trainers: status == nil
                    ? [:] : [Self.modelName: .init(accepted: status?.accepted ?? 0)],
                strategies: [
                    "first": Strategy(description: "The first image without a label"),
                    "random": Strategy(description: "An image without a label, at random"),
                    "least_confident": Strategy(
                        description:
                            "The draft with the lowest IoU estimate; images without a draft last"),
                    "most_uncertain_area": Strategy(
                        description:
                            "The draft with the most unsure pixels; images without a draft last"),
                ],
                trainStats: status.flatMap(MONAITraining.Stats.init).map { [Self.modelName: $0] }
                    ?? [:],
                datastore: Datastore(
                    total: files.count, completed: Set(tags.map(\.image)).count,
                    labelTags: Dictionary(tags.map { ($0.tag, 1) }, uniquingKeysWith: +))))
    }

    // Sessions are uploaded images with ids that no other image has.

    private struct SessionInfo: Encodable {
        let sessionId: String
        let image: String
        let width: Int
        let height: Int
        let slices: Int

        init(_ image: StoredImage) {
            sessionId = image.id
            self.image = image.id
            width = image.size.width
            height = image.size.height
            slices = image.frames
        }
    }

    @Sendable private func createSession(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Body: Encodable {
            let sessionId: String
            let sessionInfo: SessionInfo
        }
        let form = try MultipartForm(
            await request.bytes(context, service.limits),
            contentType: request.headers[.contentType] ?? "")
        let files = form.parts.filter { $0.name == "files" }
        guard files.count == 1 else {
            throw RequestError.unprocessable(
                "a session has one file, found \(files.count): send a volume as NIfTI or one DICOM "
                    + "file")
        }
        let (store, bytes) = (store, Array(files[0].content))
        let (image, _) = try await Blocking.run {
            try store.add(bytes, id: "session-\(UUID().uuidString.lowercased())")
        }
        return try .json(Body(sessionId: image.id, sessionInfo: SessionInfo(image)))
    }

    private func sessionImage(_ context: ServerContext) throws -> StoredImage {
        let id = try context.id(of: "id")
        guard id.hasPrefix("session-"), let image = try? store.image(id: id) else {
            throw RequestError.notFound("there is no such session, or it has ended")
        }
        return image
    }

    @Sendable private func session(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try sessionImage(context)
        if request.uri.queryParameters["image"] == "true", case .bytes(let bytes) = image.source {
            return .data(bytes, type: "application/octet-stream")
        }
        return try .json(SessionInfo(image))
    }

    @Sendable private func removeSession(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let image = try sessionImage(context)
        _ = store.remove(image.id)
        return try .json(SessionInfo(image))
    }

    /// The parameters of an inference; unknown ones are ignored, as clients send many.
    private struct Parameters: Decodable {
        var foreground: [[Double]]?
        var background: [[Double]]?
        var roi: [Double]?
        var slice: Int?
        var label: String?
        var clientId: String?
    }

    private struct Result: Encodable {
        let labelNames: [String: Int]
        let latencies: [String: Double]
        let iouEstimates: [Float]
        let found: Bool
        let notes: [String]
        let notice = ResearchNotice.text
    }

    @Sendable private func infer(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard try context.id(of: "model") == Self.modelName else {
            throw RequestError.notFound("the model of this server is '\(Self.modelName)'")
        }
        let start = ContinuousClock.now
        let query = request.uri.queryParameters
        let body = try await request.bytes(context, service.limits)
        var form: MultipartForm?
        var text = body
        if let type = request.headers[.contentType], type.lowercased().hasPrefix("multipart/") {
            form = try MultipartForm(body, contentType: type)
            text = form?["params"].map { Array($0.content) } ?? []
        }
        let parameters =
            try text.isEmpty ? Parameters() : JSON.decode(Parameters.self, from: text)
        let image = try await image(form, query: query)
        let label = String((parameters.label ?? "object").prefix(100))

        let prompts = try prompts(parameters, of: image)
        var volume = try NRRDVolume(image)
        var (estimates, notes, found): ([Float], [String], Bool) = ([], [], false)
        for (slice, prompt) in prompts {
            let answer = try await service.segment(
                image,
                .init(
                    frame: slice + 1, prompt: prompt, label: label, action: "POST /infer",
                    clientName: parameters.clientId),
                for: context.client)
            volume.fill(slice: slice, with: answer.masks[0].mask)
            estimates.append(answer.masks[0].iouEstimate)
            found = found || !answer.masks[0].mask.isEmpty
            notes += answer.notes.filter { !notes.contains($0) }
        }
        let result = Result(
            labelNames: [label: 1],
            latencies: ["total": (ContinuousClock.now - start).inSeconds],
            iouEstimates: estimates, found: found, notes: notes)
        return try answer(result, volume, output: query["output"].map(String.init) ?? "all")
    }

    private func image(
        _ form: MultipartForm?, query: FlatDictionary<Substring, Substring>
    ) async throws -> StoredImage {
        let store = store
        if let session = query["session_id"], !session.isEmpty {
            return try await service.image(id: String(session))
        }
        if let file = form?["file"] {
            let bytes = Array(file.content)
            return try await Blocking.run { try store.image(bytes) }
        }
        guard let id = query["image"], !id.isEmpty else {
            throw RequestError.badRequest(
                "the request names no image: ?image=ID, ?session_id=ID or a part 'file' is needed")
        }
        return try await service.image(id: String(id))
    }

    /// Largest number of slices for which one request runs the model.
    private static let maximumSlices = 500

    /// The prompt of each slice, by its index; nil prompts for a prompt-free model.
    private func prompts(
        _ parameters: Parameters, of image: StoredImage
    ) throws(RequestError) -> [(slice: Int, prompt: Prompt?)] {
        let slices = 0..<image.frames
        func checked(_ slice: Int) throws(RequestError) -> Int {
            guard slices.contains(slice) else {
                throw .unprocessable(
                    "there is no slice \(slice): the image has slices 0 to \(image.frames - 1)")
            }
            return slice
        }
        if service.model.architecture.isPromptFree {
            return [(try checked(parameters.slice ?? 0), nil)]
        }
        var bySlice: [Int: Prompt] = [:]
        for (points, isForeground) in [
            (parameters.foreground ?? [], true), (parameters.background ?? [], false),
        ] {
            for point in points {
                guard (2...3).contains(point.count), point.allSatisfy({ abs($0) < 1e6 }) else {
                    throw .unprocessable("a point needs 2 or 3 numbers: i, j, k")
                }
                let slice = try checked(
                    point.count == 3 ? Int(point[2].rounded()) : parameters.slice ?? 0)
                // Points of other slices than the one that is named do not count.
                guard parameters.slice.map({ $0 == slice }) ?? true else { continue }
                bySlice[slice, default: Prompt(clicks: [])].clicks.append(
                    PromptClick(PixelPoint(x: point[0], y: point[1]), isForeground: isForeground))
            }
        }
        if let roi = parameters.roi, !roi.isEmpty {
            guard roi.count == 4 || roi.count == 6, roi.allSatisfy({ abs($0) < 1e6 }) else {
                throw .unprocessable("a roi has 4 or 6 numbers, found \(roi.count)")
            }
            // Six numbers are pairs of each axis, in any order; four are two corners.
            let (x, y) =
                roi.count == 6
                ? ((roi[0], roi[1]), (roi[2], roi[3])) : ((roi[0], roi[2]), (roi[1], roi[3]))
            let box = PixelRectangle(
                x0: min(x.0, x.1), y0: min(y.0, y.1), x1: max(x.0, x.1), y1: max(y.0, y.1))
            let range: ClosedRange<Int>
            if let slice = parameters.slice {
                range = try checked(slice)...slice
            } else if roi.count == 6 {
                let ends = [roi[4], roi[5]].map { Int($0.rounded()) }.sorted()
                range = ends[0]...ends[1]
            } else {
                range = 0...0
            }
            guard range.overlaps(0...image.frames - 1) else {
                throw .unprocessable(
                    "the roi has slices \(range.lowerBound) to \(range.upperBound): the image has "
                        + "slices 0 to \(image.frames - 1)")
            }
            for slice in range.clamped(to: 0...image.frames - 1) {
                bySlice[slice, default: Prompt(clicks: [])].box = box
            }
        }
        guard !bySlice.isEmpty else {
            throw .unprocessable("the request has no prompt: foreground points or a roi are needed")
        }
        guard bySlice.count <= Self.maximumSlices else {
            throw .unprocessable(
                "the roi has \(bySlice.count) slices; at most \(Self.maximumSlices) are segmented")
        }
        return bySlice.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func answer(
        _ result: Result, _ volume: NRRDVolume, output: String
    ) throws -> Response {
        switch output {
        case "image": return .data(volume.encoded(), type: "application/octet-stream")
        case "json":
            struct Body: Encodable {
                let params: Result
            }
            return try .json(Body(params: result))
        case "all": break
        default:
            throw RequestError(.notImplemented, "there is no output '\(output.prefix(40))'")
        }
        // The client writes the file under this name: it has no folder, and is used once.
        let name = "samus-\(UUID().uuidString.lowercased()).nrrd"
        let boundary = "samus-\(UUID().uuidString.lowercased())"
        var body = Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"params\"\r\nContent-Type: application/json\r\n\r\n"
                .utf8)
        body += try JSON.encode(result)
        body += Array(
            ("\r\n--\(boundary)\r\nContent-Disposition: form-data; name=\"image\"; "
                + "filename=\"\(name)\"\r\nContent-Type: application/octet-stream\r\n\r\n").utf8)
        body += volume.encoded()
        body += Array("\r\n--\(boundary)--\r\n".utf8)
        return .data(body, type: "multipart/form-data; boundary=\(boundary)")
    }

    @Sendable private func nextSample(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Sample: Encodable {
            let id: String
            let name: String
            let path: String
            let checksum: String
        }
        let strategy = try context.id(of: "strategy")
        _ = try await request.bytes(context, service.limits)
        let labelled = Set(labels.tags().map(\.image))
        let open = try await store.files().filter { !labelled.contains($0.id) }
        let chosen: SourceFile?
        switch strategy {
        case "first": chosen = open.first
        case "random": chosen = open.randomElement()
        case "least_confident":
            chosen = try await leastSure(open) { -($0.lowestIoU ?? .infinity) }
        case "most_uncertain_area":
            chosen = try await leastSure(open) { $0.largestUncertainShare ?? -.infinity }
        default:
            throw RequestError.notFound(
                "there is no strategy '\(strategy.prefix(40))': first, random, least_confident or "
                    + "most_uncertain_area")
        }
        guard let chosen else { return try .json([String: String]()) }
        let store = store
        let image = try await service.image(id: chosen.id)
        return try .json(
            Sample(
                id: chosen.id, name: chosen.name.split(separator: "/").last.map(String.init) ?? "",
                path: chosen.name, checksum: "SHA256:\(image.sha256)"))
    }

    /// The image of whose draft the model was least sure, or the first one where there are no drafts.
    private func leastSure(
        _ files: [SourceFile],
        _ doubt: @escaping @Sendable (DraftStore.Confidence) -> Double
    ) async throws -> SourceFile? {
        let drafts = service.drafts
        let found = try await Blocking.run {
            drafts?.confidences(of: files.map(\.id)).mapValues(doubt) ?? [:]
        }
        return files.filter { (found[$0.id] ?? -.infinity) > -.infinity }
            .max { (found[$0.id] ?? 0) < (found[$1.id] ?? 0) } ?? files.first
    }
}
