import FileIO
import Foundation
import Imaging
import Synchronization

/// The images that clients uploaded, the least recently used removed first, and those of the served
/// folder.
final class ImageStore: Sendable {
    private struct State {
        var images: [String: (image: StoredImage, used: Int)] = [:]
        var bytes = 0
        var clock = 0
    }

    let data: (any ImageSource)?
    private let state = Mutex(State())
    /// What is known about files of the served folder, until they change.
    private let described = Mutex<[String: (modified: FileTime, bytes: Int, image: StoredImage)]>(
        [:])
    private let folder: TemporaryFolder
    private let cache: FrameCache
    private let limits: ServerConfiguration.Limits

    /// The largest accepted image.
    var imageLimits: ImageLimits {
        ImageLimits(pixels: limits.pixels, bytes: max(limits.bodyBytes, 1 << 20))
    }

    /// Number and size of the uploaded images.
    var usage: (count: Int, bytes: Int) { state.withLock { ($0.images.count, $0.bytes) } }

    init(data: (any ImageSource)?, limits: ServerConfiguration.Limits) throws {
        self.data = data
        self.limits = limits
        cache = FrameCache(limit: limits.decodedBytes)
        folder = try TemporaryFolder()
    }

    /// Reads a frame of an image.
    ///
    /// - Parameters:
    ///   - frame: from 1.
    ///   - image: the image.
    /// - Returns: the frame.
    /// - Throws: errors of reading, ``RequestError`` for a frame that does not exist.
    func frame(_ frame: Int, of image: StoredImage) throws -> Image {
        try cache.frame(frame, of: image, limits: imageLimits)
    }

    /// Removes the temporary files; for the end of the program, which destroys no objects.
    func close() {
        folder.remove()
    }

    /// Reads an image without keeping it.
    func image(_ bytes: [UInt8]) throws -> StoredImage {
        try StoredImage(bytes, path: nil, folder: folder, limits: imageLimits)
    }

    /// Keeps an image.
    ///
    /// - Parameters:
    ///   - bytes: the content of a PNG, JPEG, DICOM or NIfTI file.
    ///   - id: how clients name it; nil for its SHA-256.
    /// - Returns: the image, and whether it is new.
    /// - Throws: why it is no image.
    func add(_ bytes: [UInt8], id: String? = nil) throws -> (image: StoredImage, isNew: Bool) {
        let image = try StoredImage(bytes, id: id, path: nil, folder: folder, limits: imageLimits)
        let isNew = state.withLock { state in
            state.clock += 1
            let former = state.images.updateValue((image, state.clock), forKey: image.id)
            state.bytes += image.bytes - (former?.image.bytes ?? 0)
            while state.bytes > limits.uploadedBytes, state.images.count > 1,
                let oldest = state.images.min(by: { $0.value.used < $1.value.used })
            {
                state.images[oldest.key] = nil
                state.bytes -= oldest.value.image.bytes
            }
            return former == nil
        }
        return (image, isNew)
    }

    /// Forgets an uploaded image.
    ///
    /// - Returns: false where there was none.
    func remove(_ id: String) -> Bool {
        state.withLock { state in
            guard let former = state.images.removeValue(forKey: id) else { return false }
            state.bytes -= former.image.bytes
            return true
        }
    }

    /// Finds an image: an uploaded one, or one of the served folder.
    ///
    /// - Throws: ``RequestError`` with status 404, errors of reading a file.
    func image(id: String) throws -> StoredImage {
        let uploaded = state.withLock { state -> StoredImage? in
            guard let found = state.images[id]?.image else { return nil }
            state.clock += 1
            state.images[id] = (found, state.clock)
            return found
        }
        if let uploaded { return uploaded }
        if let file = data?.file(id: id) { return try image(file) }
        throw RequestError.notFound(
            "there is no image '\(id.prefix(80))': upload it with POST /v1/images")
    }

    /// The images to choose from, by name; none where nothing is served.
    ///
    /// - Throws: ``RequestError`` where the archive cannot be asked.
    func files() async throws -> [SourceFile] {
        guard let data else { return [] }
        return try await Blocking.run(for: data is Archive ? .archive : .files) { try data.files() }
    }

    private func image(_ file: SourceFile) throws -> StoredImage {
        try data?.fetch(file)
        guard let open = try? RegularFile(file.path) else {
            throw RequestError.notFound("the image is no longer in the served folder")
        }
        if let known = described.withLock({ $0[file.id] }), known.modified == open.modified,
            known.bytes == open.byteCount
        {
            return known.image
        }
        let image = try StoredImage(
            file.bytes(limit: imageLimits.bytes), id: file.id, path: file.path, folder: folder,
            limits: imageLimits)
        described.withLock { $0[file.id] = (open.modified, open.byteCount, image) }
        return image
    }
}
