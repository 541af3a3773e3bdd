import FileIO
import Foundation
import Imaging

/// Patient ID and UIDs of a DICOM file, which de-identification replaces.
struct DICOMIdentifiers: Codable, Equatable, Sendable {
    var patientId: String?
    var patientName: String?
    var study: String?
    var series: String?
    var instance: String?
}

/// Replaces identifiers: the same key and identifier always give the same replacement.
///
/// A replacement is a part of the SHA-256 of key and identifier, so that nobody without the key can
/// test whether an identifier belongs to a file.
public struct Pseudonyms: Sendable {
    private let key: [UInt8]

    /// - Parameter key: secret bytes; at least 16.
    public init(key: [UInt8]) {
        precondition(key.count >= 16, "a key has at least 16 bytes")
        self.key = key
    }

    /// A key for one run.
    public static func random() -> Pseudonyms {
        var random = SystemRandomNumberGenerator()
        return Pseudonyms(key: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    /// A UID below 2.25, as PS3.5 B.2 makes them from 128-bit numbers.
    func uid(_ original: String) -> String {
        DICOMUID.number(digest("uid", original))
    }

    /// Name and Patient ID of a person.
    func patient(_ original: String) -> String {
        "SAMUS-" + digest("patient", original).prefix(12).uppercased()
    }

    /// 64 hexadecimal digits.
    private func digest(_ purpose: String, _ text: String) -> String {
        var hash = SHA256()
        // The length separates the key from what follows.
        let bytes = key + Array("\(key.count) \(purpose) \(text)".utf8)
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.hexDigest
    }
}

/// A file that `DICOMFile.deidentify` wrote.
public struct DeidentifiedFile: Equatable, Sendable {
    /// The path: folders and file are named by the new UIDs.
    public let path: String
    /// The pixels that were kept; all others are black.
    public let boxes: [PixelBox]
    /// Number of frames, each compared with the source after writing.
    public let frames: Int
}

/// Why a file is not de-identified.
public enum DeidentificationError: Error, Equatable, Sendable {
    case noRegions(name: String)
    case staleRegion(name: String, region: Int, size: Size)
    case boxOutside(name: String, box: PixelBox, size: Size)
    case exists(name: String, path: String)
    case cannotWrite(path: String, reason: String)
    /// The written file does not have the expected pixels; it was deleted.
    case checkFailed(name: String, frame: Int)
}

extension DeidentificationError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .noRegions(let name):
            "'\(name)' has no ultrasound regions, so that it is not known where names are burned "
                + "in: give --region x0,y0,x1,y1 with the part to keep"
        case .staleRegion(let name, let region, let size):
            "'\(name)' has an ultrasound region \(region) that does not fit into its \(size) "
                + "pixels: give --region x0,y0,x1,y1 with the part to keep"
        case .boxOutside(let name, let box, let size):
            "'\(name)' has \(size) pixels; --region \(box.x0),\(box.y0),\(box.x1),\(box.y1) is not "
                + "inside"
        case .exists(let name, let path):
            "the result for '\(name)', '\(path)', exists already: add --force to replace it"
        case .cannotWrite(let path, let reason):
            "'\(path)' cannot be written: \(reason)"
        case .checkFailed(let name, let frame):
            "the result for '\(name)' was deleted: its frame \(frame) differs from the source"
        }
    }
}

extension DICOMFile {
    /// A name for the patient by which files of one patient are known: a part of the SHA-256 of the
    /// Patient ID.
    ///
    /// It is no protection: whoever knows the possible IDs can find the right one.
    ///
    /// - Returns: nil where the file has no Patient ID.
    /// - Throws: ``DICOMError``.
    public func patientPseudonym() throws(DICOMError) -> String? {
        let decoder = try DICOMDecoder(path, arguments: ["identify"])
        _ = try decoder.description()
        guard let id = try decoder.identifiers().patientId, !id.isEmpty else { return nil }
        return "dicom_" + SHA256.hexDigest(of: Array(id.utf8)).prefix(12)
    }

    /// Writes a copy without identity, and reads it back.
    ///
    /// Only listed attributes are kept, none with free text about people; Patient ID and UIDs are
    /// replaced. Pixels outside the boxes are black. Frames are stored uncompressed, in 8 bits.
    ///
    /// - Parameters:
    ///   - folder: gets `SERIES/INSTANCE.dcm`, by the new UIDs.
    ///   - pseudonyms: replaces identifiers.
    ///   - boxes: the pixels to keep; nil for the ultrasound regions of the file.
    ///   - program: name and version, for the record in the file.
    ///   - replaces: whether an existing result is replaced.
    /// - Returns: the file that was written.
    /// - Throws: ``DICOMError``, ``DeidentificationError``.
    public func deidentify(
        into folder: URL, pseudonyms: Pseudonyms, keeping boxes: [PixelBox]?, program: String,
        replaces: Bool = false
    ) throws -> DeidentifiedFile {
        guard let image else { throw DICOMError.noImage(name: path) }
        let kept = try boxes ?? regionBoxes(of: image)
        for box in kept {
            guard box.x0 >= 0, box.y0 >= 0, box.x0 < box.x1, box.y0 < box.y1,
                box.x1 <= image.width, box.y1 <= image.height
            else { throw DeidentificationError.boxOutside(name: path, box: box, size: image.size) }
        }
        let identifying = try DICOMDecoder(path, arguments: ["identify"])
        _ = try identifying.description()
        let old = try identifying.identifiers()
        // A missing identifier must not make two files one.
        let instance = pseudonyms.uid("instance " + (old.instance ?? path))
        let series = pseudonyms.uid("series " + (old.series ?? old.instance ?? path))
        let study = pseudonyms.uid("study " + (old.study ?? old.series ?? path))
        let patient = pseudonyms.patient(old.patientId ?? old.patientName ?? study)

        let target = folder.appendingPathComponent(series).appendingPathComponent(instance + ".dcm")
        guard replaces || !FileManager.default.fileExists(atPath: target.path) else {
            throw DeidentificationError.exists(name: path, path: target.relativePath)
        }
        let places = kept.map { "\($0.x0),\($0.y0),\($0.x1),\($0.y1)" }
        let decoder = try DICOMDecoder(
            path,
            arguments: [
                "deidentify", patient, study, series, instance,
                // A long string has at most 64 characters.
                String("\(program): listed attributes kept, others removed".prefix(64)),
                "Pixels outside \(places.joined(separator: "; ")) set to 0",
            ] + places)
        guard try decoder.description().image == image else {
            throw DICOMError.cannotRead(name: path, reason: "it was changed while it was read")
        }
        do {
            var file: AtomicFile?
            try decoder.deidentified { bytes in
                // A file that is refused leaves no folder.
                if file == nil {
                    try FileManager.default.createDirectory(
                        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                    // A killed run may have left a copy that was not finished.
                    Leftovers.remove(in: target.deletingLastPathComponent().path)
                    file = try AtomicFile(target.path)
                }
                try file?.append(bytes)
            }
            try file?.commit()
        } catch let error as FileError {
            throw DeidentificationError.cannotWrite(path: error.path, reason: error.reason)
        }
        do {
            try check(target.path, kept, image)
        } catch {
            try? FileManager.default.removeItem(at: target)
            throw error
        }
        return DeidentifiedFile(path: target.relativePath, boxes: kept, frames: image.frames)
    }

    /// The boxes of the regions that show an image or a trace; refused where one does not fit.
    private func regionBoxes(of image: DICOMImage) throws(DeidentificationError) -> [PixelBox] {
        var boxes: [PixelBox] = []
        for (index, region) in (image.regions ?? []).enumerated() {
            // Graphics and unknown areas may hold text.
            guard let format = region.spatialFormat, (1...4).contains(format) else { continue }
            guard let box = region.box(in: image.size) else {
                throw .staleRegion(name: path, region: index + 1, size: image.size)
            }
            boxes.append(box)
        }
        guard !boxes.isEmpty else { throw .noRegions(name: path) }
        return boxes
    }

    /// Compares every frame of the result with the source: equal inside the boxes, black outside.
    private func check(_ result: String, _ boxes: [PixelBox], _ image: DICOMImage) throws {
        let source = try frameReader()
        let written = try DICOMFile.read(result).frameReader()
        for frame in 0..<image.frames {
            let (before, after) = try (source.frame(frame), written.frame(frame))
            guard after == before.black(outside: boxes) else {
                throw DeidentificationError.checkFailed(name: path, frame: frame + 1)
            }
        }
    }
}

extension Image {
    /// The image with all pixels outside the boxes set to 0.
    fileprivate func black(outside boxes: [PixelBox]) -> Image {
        var result = Image(
            width: width, height: height, channels: channels,
            pixels: [UInt8](repeating: 0, count: pixels.count))
        for box in boxes {
            for y in box.y0..<box.y1 {
                let row = (y * width + box.x0) * channels..<(y * width + box.x1) * channels
                result.pixels.replaceSubrange(row, with: pixels[row])
            }
        }
        return result
    }
}
