import FileIO
import Foundation
import Imaging

/// Unfinished work on images, which the page saves after each step: one JSON file for each image, in
/// `samus-results/drafts` of the served folder.
///
/// A file belongs to one content of an image: where the image was replaced, its former draft does
/// not appear.
struct DraftStore: Sendable {
    /// What the server reads of a draft; the rest is the page's matter.
    struct Document: Decodable {
        struct Frame: Decodable {
            let objects: [Object]
        }

        struct Object: Decodable {
            struct Facts: Decodable {
                var iouEstimate: Double?
                var uncertainShare: Double?
            }

            var facts: Facts?
        }

        let formatVersion: Int
        /// By number, from 1.
        let frames: [String: Frame]
    }

    /// How sure the model was of the masks of a draft.
    struct Confidence {
        var lowestIoU: Double?
        var largestUncertainShare: Double?
    }

    /// Largest size of a draft, in bytes.
    static let maximumBytes = 16 << 20

    private let folder: String

    /// - Parameter root: the served folder.
    init(root: String) {
        folder = "\(root)/samus-results/drafts"
        // Of processes that were killed while they saved.
        Leftovers.remove(in: folder)
    }

    /// The draft of an image and its version.
    ///
    /// - Returns: nil where there is none.
    func draft(_ name: String) throws -> (content: [UInt8], tag: String)? {
        do throws(FileReadError) {
            let content = try RegularFile.read("\(folder)/\(name)", limit: Self.maximumBytes)
            return (content, Self.tag(content))
        } catch {
            if case .notFound = error { return nil }
            throw error
        }
    }

    /// Saves a draft.
    ///
    /// - Parameters:
    ///   - content: a ``Document``.
    ///   - name: of the file.
    ///   - formerTag: the version that the client has seen; nil if it has seen none.
    /// - Returns: the new version.
    /// - Throws: ``RequestError`` with status 409 when another version is stored.
    func save(_ content: [UInt8], name: String, formerTag: String?) throws -> String {
        guard content.count <= Self.maximumBytes else {
            throw RequestError(
                .contentTooLarge,
                "the draft has \(content.count) bytes; at most \(Self.maximumBytes) are saved")
        }
        let document = try JSON.decode(Document.self, from: content, isStrict: true)
        guard document.formatVersion == 1 else {
            throw RequestError.unprocessable(
                "the draft has format_version \(document.formatVersion); 1 is needed")
        }
        try change(name, formerTag: formerTag) {
            try AtomicFile.write(content, to: "\(folder)/\(name)")
            removeFormer(than: name)
        }
        return Self.tag(content)
    }

    /// Removes the drafts of an image that was replaced since.
    private func removeFormer(than name: String) {
        let id = name.prefix { $0 != "." }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for file in files where file != name && file.hasPrefix("\(id).") && file.hasSuffix(".json")
        {
            unlink("\(folder)/\(file)")
        }
    }

    /// Removes a draft.
    ///
    /// - Throws: ``RequestError`` with status 409 when another version is stored.
    func remove(_ name: String, formerTag: String?) throws {
        try change(name, formerTag: formerTag) {
            unlink("\(folder)/\(name)")
        }
    }

    private func change(_ name: String, formerTag: String?, _ body: () throws -> Void) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let lock = try FolderLock(folder, patience: .seconds(10))
            try withExtendedLifetime(lock) {
                guard try draft(name)?.tag == formerTag else {
                    throw RequestError(
                        .conflict,
                        "another tab or person has changed this image meanwhile: load that version, "
                            + "or replace it")
                }
                try body()
            }
        } catch let error as RequestError {
            throw error
        } catch {
            ServerLog.failed("a draft cannot be saved", because: error)
            throw RequestError(
                .internalServerError, "the draft cannot be written into the served folder")
        }
    }

    /// The ids of all images that have a draft.
    func ids() -> Set<String> { Set(names().keys) }

    /// Files by the id of their image.
    private func names() -> [String: String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let pairs = files.compactMap { file -> (String, String)? in
            let parts = file.split(separator: ".")
            guard parts.count == 3, parts[2] == "json", !file.hasPrefix(".") else { return nil }
            return (String(parts[0]), file)
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// How sure the model was, by the id of the image.
    ///
    /// - Parameter ids: the images.
    /// - Returns: nothing for images without a draft, and for drafts that cannot be read.
    func confidences(of ids: some Sequence<String>) -> [String: Confidence] {
        let names = names()
        var found: [String: Confidence] = [:]
        for id in ids {
            guard let name = names[id], let draft = try? draft(name),
                let document = try? JSON.decode(Document.self, from: draft.content)
            else { continue }
            let facts = document.frames.values.flatMap(\.objects).compactMap(\.facts)
            found[id] = Confidence(
                lowestIoU: facts.compactMap(\.iouEstimate).min(),
                largestUncertainShare: facts.compactMap(\.uncertainShare).max())
        }
        return found
    }

    /// The name of an image's file.
    ///
    /// - Parameters:
    ///   - image: the image.
    ///   - isListed: whether it is one of the served folder; others are named by their content.
    /// - Returns: a name without a folder.
    static func name(of image: StoredImage, isListed: Bool) -> String {
        "\(isListed ? image.id : String(image.sha256.prefix(32))).\(image.sha256.prefix(16)).json"
    }

    private static func tag(_ content: [UInt8]) -> String {
        "\"\(SHA256.hexDigest(of: content).prefix(32))\""
    }
}
