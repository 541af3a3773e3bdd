import FileIO
import Foundation
import HTTPTypes
import Hummingbird
import Imaging

/// The datastore of MONAI Label: the images of the served folder and uploaded ones, and label files.
struct MONAIDatastore {
    let service: SegmentationService
    let labels: LabelFiles
    private var store: ImageStore { service.store }

    func add(to table: inout RouteTable) {
        table.add(.get, "/datastore", list)
        table.add(.put, "/datastore", upload)
        table.add(.put, "/datastore/image", upload)
        table.add(.get, "/datastore/image", image)
        table.add(.delete, "/datastore/image", removeImage)
        table.add(.get, "/datastore/image/info", imageInfo)
        table.add(.put, "/datastore/label", saveLabel)
        table.add(.get, "/datastore/label", label)
        table.add(.delete, "/datastore/label", removeLabel)
        table.add(.get, "/datastore/label/info", labelInfo)
    }

    private func query(_ name: String, _ request: Request) throws -> String {
        guard let value = request.uri.queryParameters[name[...]], !value.isEmpty else {
            throw RequestError.badRequest("the query has no \(name)")
        }
        return String(value)
    }

    @Sendable private func list(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        struct Part: Encodable {
            let ext: String
            let info: [String: String]
        }
        struct Object: Encodable {
            let image: Part
            let labels: [String: Part]
        }
        struct Stats: Encodable {
            let total: Int
            let completed: Int
        }
        let files = try await store.files()
        let tags = labels.tags()
        if request.uri.queryParameters["output"] == "stats" {
            return try .json(
                Stats(total: files.count, completed: Set(tags.map(\.image)).count))
        }
        let byImage = Dictionary(grouping: tags, by: \.image)
        var objects: [String: Object] = [:]
        for file in files {
            let parts = (byImage[file.id] ?? []).map {
                ($0.tag, Part(ext: $0.suffix, info: [:]))
            }
            objects[file.id] = Object(
                image: Part(ext: LabelFiles.suffix(of: file.name), info: ["name": file.name]),
                labels: Dictionary(parts) { first, _ in first })
        }
        return try .json(["objects": objects], keys: .exact)
    }

    @Sendable private func upload(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let form = try MultipartForm(
            await request.bytes(context, service.limits),
            contentType: request.headers[.contentType] ?? "")
        guard let file = form["file"] else {
            throw RequestError.badRequest("the form has no part 'file'")
        }
        let id = try query("image", request)
        guard LabelFiles.isPlain(id), store.data?.file(id: id) == nil else {
            throw RequestError.unprocessable(
                "the id needs 1 to 128 letters, digits, '-', '_' and '.', and must not be that of "
                    + "an image of the served folder")
        }
        let (store, bytes) = (store, Array(file.content))
        let (image, _) = try await Blocking.run { try store.add(bytes, id: id) }
        return try .json(["image": image.id])
    }

    @Sendable private func image(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (id, store) = (try query("image", request), store)
        let image = try await service.image(id: id)
        let bytes = try await Blocking.run {
            switch image.source {
            case .bytes(let bytes): bytes
            case .file(let path): try RegularFile.read(path, limit: store.imageLimits.bytes)
            case .temporary(let file):
                try RegularFile.read(file.path, limit: store.imageLimits.bytes)
            }
        }
        let suffix = store.data?.file(id: id).map { LabelFiles.suffix(of: $0.name) } ?? ""
        var response = Response.data(bytes, type: "application/octet-stream")
        response.headers[.contentDisposition] = "attachment; filename=\"image\(suffix)\""
        return response
    }

    @Sendable private func removeImage(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        guard store.remove(try query("id", request)) else {
            throw RequestError.notFound("there is no uploaded image of this id")
        }
        return try .json([String: String]())
    }

    @Sendable private func imageInfo(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (id, store) = (try query("image", request), store)
        return try .json(ImageAnswer(try await service.image(id: id)))
    }

    @Sendable private func saveLabel(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let id = try query("image", request)
        let tag = request.uri.queryParameters["tag"].map(String.init) ?? "final"
        let form = try MultipartForm(
            await request.bytes(context, service.limits),
            contentType: request.headers[.contentType] ?? "")
        guard let label = form["label"] else {
            throw RequestError.badRequest("the form has no part 'label'")
        }
        let store = store
        _ = try await service.image(id: id)
        try labels.save(
            Array(label.content), image: id, tag: tag,
            suffix: LabelFiles.suffix(of: label.filename ?? ""))
        return try .json(["image": id, "label": id])
    }

    @Sendable private func label(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let id = try query("label", request)
        let tag = request.uri.queryParameters["tag"].map(String.init) ?? "final"
        let (bytes, suffix) = try labels.read(image: id, tag: tag)
        var response = Response.data(bytes, type: "application/octet-stream")
        response.headers[.contentDisposition] = "attachment; filename=\"label\(suffix)\""
        return response
    }

    @Sendable private func removeLabel(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let tag = request.uri.queryParameters["tag"].map(String.init) ?? "final"
        try labels.remove(image: try query("id", request), tag: tag)
        return try .json([String: String]())
    }

    @Sendable private func labelInfo(
        _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let tag = request.uri.queryParameters["tag"].map(String.init) ?? "final"
        let (bytes, suffix) = try labels.read(image: query("label", request), tag: tag)
        return try .json(["ext": suffix, "checksum": "SHA256:\(SHA256.hexDigest(of: bytes))"])
    }
}

/// Label files that clients of MONAI Label save, as they are: `samus-results/labels/ID.TAG.nrrd` in
/// the served folder.
struct LabelFiles: Sendable {
    /// A stored label.
    struct Label: Sendable {
        let image: String
        let tag: String
        let suffix: String
        fileprivate let file: String
    }

    private let folder: String?

    /// - Parameter root: the served folder; nil where there is none, and labels cannot be saved.
    init(root: String?) {
        folder = root.map { "\($0)/samus-results/labels" }
    }

    /// All labels.
    func tags() -> [Label] {
        guard let folder else { return [] }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return files.sorted().compactMap { file in
            let parts = file.split(separator: ".", maxSplits: 2)
            guard parts.count == 3, !file.hasPrefix(".") else { return nil }
            return Label(
                image: String(parts[0]), tag: String(parts[1]), suffix: ".\(parts[2])", file: file)
        }
    }

    func save(_ bytes: [UInt8], image: String, tag: String, suffix: String) throws {
        guard let folder else {
            throw RequestError(
                .notImplemented, "this server stores no labels: start it with --data")
        }
        let isKnown = [".nrrd", ".seg.nrrd", ".nii.gz", ".nii", ".png"].contains(suffix)
        guard isKnown, Self.isPlain(image), !image.contains("."), Self.isPlain(tag),
            !tag.contains(".")
        else {
            throw RequestError.unprocessable(
                "a label is a file .nrrd, .seg.nrrd, .nii.gz, .nii or .png, and its image and tag "
                    + "are letters, digits, '-' and '_'")
        }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let file = "\(image).\(tag)\(suffix)"
            let former = try? find(image: image, tag: tag)
            try AtomicFile.write(bytes, to: "\(folder)/\(file)")
            // Only now the label of another format goes: a write that fails loses nothing.
            if let former, former.file != file { unlink("\(folder)/\(former.file)") }
        } catch {
            ServerLog.failed("a label cannot be stored", because: error)
            throw RequestError(
                .internalServerError, "the label cannot be written into the served folder")
        }
    }

    func read(image: String, tag: String) throws -> (bytes: [UInt8], suffix: String) {
        let label = try find(image: image, tag: tag)
        let bytes = try RegularFile.read("\(folder ?? "")/\(label.file)", limit: 1 << 30)
        return (bytes, label.suffix)
    }

    func remove(image: String, tag: String) throws {
        unlink("\(folder ?? "")/\(try find(image: image, tag: tag).file)")
    }

    /// Looks in the list of files: no path is made of a request.
    private func find(image: String, tag: String) throws(RequestError) -> Label {
        guard let label = tags().first(where: { $0.image == image && $0.tag == tag }) else {
            throw .notFound("there is no label of this image and tag")
        }
        return label
    }

    /// Whether a text may be part of a file's name.
    static func isPlain(_ text: String) -> Bool {
        text.wholeMatch(of: #/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}/#) != nil
    }

    /// `.nii.gz` of `a.nii.gz`; empty where there is none.
    static func suffix(of name: String) -> String {
        let lower = name.lowercased()
        for suffix in [".seg.nrrd", ".nii.gz"] where lower.hasSuffix(suffix) { return suffix }
        guard let dot = lower.lastIndex(of: ".") else { return "" }
        return String(lower[dot...])
    }
}
