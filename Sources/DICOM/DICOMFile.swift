import FileIO
import Foundation
import Imaging

/// What a DICOM file states about its image.
public struct DICOMImage: Codable, Equatable, Sendable {
    /// Columns.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Number of frames, at least 1.
    public let frames: Int
    /// Channels of the decoded image: 1 (grey) or 3 (RGB).
    public let channels: Int
    /// Photometric Interpretation (0028,0004), for example `YBR_FULL_422`.
    public let photometric: String
    /// Bits Stored (0028,0101).
    public let bitsStored: Int
    /// Frame Time (0018,1063), in ms.
    public let frameTimeMs: Double?
    /// Pixel Spacing (0028,0030), in mm: distance of rows, distance of columns.
    public let pixelSpacing: [Double]?
    /// The ultrasound regions; nil where the file has no such sequence.
    public let regions: [UltrasoundRegion]?

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }
}

/// A DICOM file: an image or a cine of ultrasound, or a DICOMDIR.
public struct DICOMFile: Equatable, Sendable {
    /// The path.
    public let path: String
    /// The name of the transfer syntax.
    public let transferSyntax: String
    /// The kind of object (SOP Class UID).
    public let sopClass: String?
    /// The identity of the object (SOP Instance UID).
    public let sopInstance: String?
    /// The image; nil for a file without pixels.
    public let image: DICOMImage?
    /// The files that a DICOMDIR lists, each as folders and a name; nil for other files.
    let references: [[String]]?

    /// Reads what a file states, without decoding its pixels.
    ///
    /// - Parameter path: the file; links are followed, folders, devices and pipes refused.
    /// - Returns: the file.
    /// - Throws: ``DICOMError``.
    public static func read(_ path: String) throws(DICOMError) -> DICOMFile {
        let decoder = try DICOMDecoder(path, arguments: ["describe"])
        return try decoder.description()
    }

    /// Opens the image for reading its frames.
    ///
    /// - Returns: a reader; frames in order need one pass through the file.
    /// - Throws: ``DICOMError/noImage(name:)`` for a file without pixels.
    public func frameReader() throws(DICOMError) -> DICOMFrameReader {
        guard let image else { throw .noImage(name: path) }
        return DICOMFrameReader(path: path, image: image)
    }

    /// Whether a file begins like a DICOM file: with a preamble and `DICM`, or, as old files do,
    /// with an attribute of group 2 or 8.
    ///
    /// - Parameter path: the file.
    /// - Returns: false for anything but a regular file.
    public static func isDICOM(_ path: String) -> Bool {
        guard let file = try? RegularFile(path),
            let start = try? file.bytes(in: 0..<min(132, file.byteCount)), start.count >= 12
        else { return false }
        if start.count == 132, start[128...].elementsEqual("DICM".utf8) { return true }
        // A first attribute of group 0002 or 0008, whose length is short.
        let isFirstGroup = (start[0] == 2 || start[0] == 8) && start[1] == 0
        let isFirstElement = start[2] <= 0x18 && start[3] == 0
        let isExplicit = ["UL", "CS", "UI", "SH"].contains(
            String(decoding: start[4..<6], as: UTF8.self))
        let isImplicit = start[4] <= 64 && start[5...7].allSatisfy { $0 == 0 }
        return isFirstGroup && isFirstElement && (isExplicit || isImplicit)
    }

    /// The images that a DICOMDIR lists; nil for another file.
    ///
    /// - Returns: paths in the folder of the DICOMDIR.
    /// - Throws: ``DICOMError/damaged(name:reason:)`` if a path leads out of the folder.
    public func listedImages() throws(DICOMError) -> [String]? {
        guard let references else { return nil }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        var paths: [String] = []
        for parts in references {
            // PS3.10: up to 8 components of up to 8 characters; longer ones occur.
            let isSafe = parts.allSatisfy {
                !$0.isEmpty && $0.count <= 64 && $0 != "." && $0 != ".." && !$0.contains("/")
                    && !$0.contains("\0")
            }
            guard isSafe, !parts.isEmpty else {
                throw .damaged(
                    name: path, reason: "it lists the file '\(parts.joined(separator: "\\"))'")
            }
            paths.append(parts.reduce(folder) { $0.appendingPathComponent($1) }.relativePath)
        }
        return paths
    }
}

/// Decodes the frames of one DICOM file.
public final class DICOMFrameReader {
    /// The file.
    public let path: String
    /// What the file states about its image.
    public let image: DICOMImage
    private var decoder: DICOMDecoder?
    private var nextFrame = 0

    init(path: String, image: DICOMImage) {
        self.path = path
        self.image = image
    }

    /// Decodes one frame.
    ///
    /// Pixels are those that pydicom decodes: palettes become RGB, YBR becomes RGB, and grey of
    /// other than 8 bits is rescaled and shown through the file's first window, or where there is
    /// none from its darkest to its brightest pixel.
    ///
    /// - Parameter frame: its number, from 0.
    /// - Returns: an image with one or three channels.
    /// - Throws: ``DICOMError``.
    public func frame(_ frame: Int) throws(DICOMError) -> Image {
        guard (0..<image.frames).contains(frame) else {
            throw .noFrame(name: path, frame: frame + 1, frames: image.frames)
        }
        let decoder: DICOMDecoder
        if let open = self.decoder, nextFrame == frame {
            decoder = open
        } else {
            decoder = try DICOMDecoder(
                path, arguments: ["frames", "\(frame)", "\(image.frames - frame)"])
            guard try decoder.description().image == image else {
                throw .cannotRead(name: path, reason: "it was changed while it was read")
            }
        }
        // After an error, a new decoder starts.
        self.decoder = nil
        let pixels = try decoder.nextFrame(
            byteCount: image.width * image.height * image.channels)
        self.decoder = decoder
        nextFrame = frame + 1
        return Image(
            width: image.width, height: image.height, channels: image.channels, pixels: pixels)
    }
}
