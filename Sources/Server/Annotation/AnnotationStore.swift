import Datasets
import FileIO
import Foundation
import Imaging
import Segmentation

/// The masks that a person accepted, as a dataset in the served folder.
struct AnnotationStore: Sendable {
    /// A model, in records.
    struct Model: Codable, KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable { case name, sha256 }

        let name: String
        let sha256: String
    }

    /// An object that a person accepted.
    struct Object: Codable, KnownKeys {
        enum CodingKeys: CodingKey, CaseIterable {
            case label, mask, clicks, box, iouEstimate, presence, model, edited
        }

        struct RunLengths: Codable, KnownKeys {
            enum CodingKeys: CodingKey, CaseIterable { case size, counts }

            let size: [Int]
            let counts: String
        }

        struct Click: Codable, KnownKeys {
            enum CodingKeys: CodingKey, CaseIterable { case x, y, foreground }

            let x: Double
            let y: Double
            let foreground: Bool
        }

        let label: String
        let mask: RunLengths
        var clicks: [Click]?
        var box: [Double]?
        var iouEstimate: Double?
        var presence: Double?
        /// The model that made the mask; nil for that of the record.
        var model: Model?
        /// Whether a person changed the mask with the brush.
        var edited: Bool?
    }

    /// What is stored about an accepted image.
    struct Record: Codable, Sendable {
        var formatVersion = 1
        var notice = ResearchNotice.text
        let image: String
        let imageSha256: String
        /// Of a DICOM image: the same for all images of a patient, and says nothing else of them.
        let patient: String?
        let frame: Int
        let width: Int
        let height: Int
        let objects: [Object]
        let model: Model
        let version: String
        let accepted: String
    }

    /// The dataset's name.
    static let dataset = "Accepted"
    /// Largest number of objects of an image.
    static let maximumObjects = 200

    let data: DataFolder
    private let accepted: AcceptedDataset

    init(_ data: DataFolder) {
        self.data = data
        accepted = AcceptedDataset(root: data.root, name: Self.dataset)
        do {
            try accepted.recover()
        } catch {
            // It is tried again when something is accepted.
            ServerLog.failed("what another process left cannot be completed", because: error)
        }
    }

    /// The names of all accepted images.
    func acceptedNames() -> Set<String> { accepted.names }

    /// The record of an image and its version.
    ///
    /// - Returns: nil where none was accepted.
    func record(_ name: String) throws -> (content: [UInt8], tag: String)? {
        try accepted.provenance(of: name).map { ($0, Self.tag($0)) }
    }

    /// Accepts the masks of a frame.
    ///
    /// - Parameters:
    ///   - record: the objects and where they come from.
    ///   - name: of the files.
    ///   - image: reads the frame.
    ///   - spacing: size of a pixel, if it is known.
    ///   - formerTag: the version that the client has seen; nil if it has seen none.
    /// - Returns: the new version.
    /// - Throws: ``RequestError`` with status 409 when another version is stored.
    func accept(
        _ record: Record, name: String, image: Image, spacing: PixelSpacing?, formerTag: String?
    ) throws -> String {
        let content = try JSON.encode(record, style: .indented)
        do {
            try accepted.add(
                check: {
                    let stored = try self.record(name)?.tag
                    guard stored == formerTag else {
                        throw RequestError(
                            .conflict,
                            stored == nil
                                ? "the stored annotation was removed meanwhile: load it again"
                                : "another annotation of this image was stored meanwhile: load it, "
                                    + "then accept again")
                    }
                },
                make: {
                    var names = try accepted.classNames()
                    let label = try label(record, names: &names)
                    return AcceptedDataset.Entry(
                        name: name, image: image, label: label, classNames: names,
                        spacing: spacing, provenance: content)
                })
        } catch let error as RequestError {
            throw error
        } catch {
            ServerLog.failed("an annotation cannot be stored", because: error)
            throw RequestError(
                .internalServerError, "the annotation cannot be written into the served folder")
        }
        return Self.tag(content)
    }

    /// The label of all objects; later objects cover earlier ones.
    private func label(_ record: Record, names: inout [String]) throws(RequestError) -> Image {
        var values = [UInt8](repeating: 0, count: record.width * record.height)
        for object in record.objects {
            if !names.contains(object.label) { names.append(object.label) }
            guard let index = names.firstIndex(of: object.label), index < 255 else {
                throw .unprocessable("a dataset has at most 255 labels")
            }
            let mask = try object.decodedMask(
                size: Size(height: record.height, width: record.width))
            for pixel in values.indices where mask.values[pixel] != 0 {
                values[pixel] = UInt8(index + 1)
            }
        }
        return Image(width: record.width, height: record.height, channels: 1, pixels: values)
    }

    /// The name of an image's files: of its path below the folder, with the frame of a cine.
    ///
    /// Characters that a list cannot have are replaced. The name of a PNG file whose name needs no
    /// change is that without its extension; all others end in a hash, so that two images never get
    /// one name.
    static func name(of path: String, frame: Int?) -> String {
        let isPNG = path.hasSuffix(".png")
        let stem = isPNG ? String(path.dropLast(4)) : path
        let isPlain: (Character) -> Bool = {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
        }
        var name = String(stem.map { isPlain($0) ? $0 : "_" }.prefix(120))
        if !isPNG || name != stem || name.hasPrefix(".") {
            name = "i\(name)-\(SHA256.hexDigest(of: Array(path.utf8)).prefix(8))"
        }
        guard let frame else { return name }
        return name + ".frame" + String(repeating: "0", count: max(0, 4 - "\(frame)".count))
            + "\(frame)"
    }

    private static func tag(_ content: [UInt8]) -> String {
        "\"\(SHA256.hexDigest(of: content).prefix(32))\""
    }
}

extension AnnotationStore.Object {
    /// Decodes the mask.
    ///
    /// - Throws: ``RequestError`` if it does not fit the image.
    func decodedMask(size: Size) throws(RequestError) -> Mask {
        guard mask.size == [size.height, size.width],
            let lengths = RunLength(compressed: mask.counts, size: size)
        else {
            throw .unprocessable(
                "the mask of '\(label.prefix(40))' needs size [\(size.height), \(size.width)] and "
                    + "counts, COCO's compressed run lengths")
        }
        return lengths.mask()
    }
}
