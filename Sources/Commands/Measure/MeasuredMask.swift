import DICOM
import FileIO
import Foundation
import Imaging

/// A mask with what is needed to measure it.
struct MeasuredMask {
    let source: String
    /// Of a result of `samus segment`.
    var object: Int?
    var candidate: Int?
    var label: String?
    /// The image and frame that the mask belongs to, if known.
    var image: String?
    var frame: Int?
    let mask: Mask
    let calibration: Calibration
    /// The grey image, where `--image` gives it.
    var pixels: Image?
    /// The second mask of `--to`.
    var other: Mask?
    var otherSource: String?
}

/// Reads masks and finds the size of their pixels.
final class MeasuredMaskLoader {
    private let spacing: SpacingSource
    private let imagePath: String?
    private let frame: Int?
    private let otherPath: String?
    private let reader = FrameReader()

    init(spacing: SpacingSource, imagePath: String?, frame: Int?, otherPath: String?) {
        self.spacing = spacing
        self.imagePath = imagePath
        self.frame = frame
        self.otherPath = otherPath
    }

    /// The masks of a file: several for a result with several objects.
    ///
    /// - Throws: why the file, the image or the second mask cannot be read, or does not fit.
    func masks(of path: String) throws -> [MeasuredMask] {
        let masks =
            if path.lowercased().hasSuffix(".json") {
                try result(path)
            } else if ImageFileKind(path) == .dicom {
                try segmentation(path)
            } else {
                [try maskFile(path)]
            }
        guard let otherPath else { return masks }
        let other = try readMask(otherPath).mask
        return try masks.map { mask in
            guard other.size == mask.mask.size else {
                throw MeasureError.sizesDiffer(
                    path, mask.mask.size, otherPath, other.size)
            }
            var mask = mask
            mask.other = other
            mask.otherSource = otherPath
            return mask
        }
    }

    private func maskFile(_ path: String) throws -> MeasuredMask {
        let (mask, ownSpacing) = try readMask(path)
        let frame = try imagePath.map { try reader.read($0, frame: self.frame) }
        if let frame, let imagePath, frame.image.size != mask.size {
            throw MeasureError.sizesDiffer(path, mask.size, imagePath, frame.image.size)
        }
        let given = spacing.calibration(for: path) ?? imagePath.flatMap(spacing.calibration)
        let known =
            given ?? frame.map { $0.pixelSize.calibration(of: mask) }
            ?? ownSpacing.map { Calibration.known($0, source: "NIfTI header of the mask") }
        return MeasuredMask(
            source: path, image: imagePath, frame: frame?.number, mask: mask,
            calibration: known
                ?? .unknown(reason: "give --spacing, --spacing-table or --image"),
            pixels: frame?.image)
    }

    /// The masks of a DICOM SEG: all, or those on the frame `--frame` of the image.
    private func segmentation(_ path: String) throws -> [MeasuredMask] {
        let file = try DICOMSegmentationFile.read(path)
        let places = file.frames.indices.filter { index in
            frame.map { $0 == file.frames[index].frame ?? 1 } ?? true
        }
        guard !places.isEmpty else { throw MeasureError.noMaskOnFrame(path, frame ?? 1) }
        let masks = try file.masks()
        let own =
            file.spacing.map { Calibration.known($0, source: "DICOM SEG") }
            ?? .unknown(reason: "the DICOM SEG states no pixel size: give --image or --spacing")
        return try places.map { index in
            let place = file.frames[index]
            let mask = masks[index].mask()
            var image: InputFrame?
            if let imagePath {
                let found = try imageFrame(imagePath, place.frame)
                guard found.image.size == file.size else {
                    throw MeasureError.sizesDiffer(path, file.size, imagePath, found.image.size)
                }
                guard found.sopInstance ?? place.instance == place.instance else {
                    throw MeasureError.otherImage(path, imagePath)
                }
                image = found
            }
            let given = spacing.calibration(for: path) ?? imagePath.flatMap(spacing.calibration)
            return MeasuredMask(
                source: path, object: place.segment,
                label: place.segment.flatMap { file.labels[$0] }, image: imagePath,
                frame: place.frame, mask: mask,
                calibration: given ?? image?.pixelSize.calibration(of: mask) ?? own,
                pixels: image?.image)
        }
    }

    /// The frame of an image that a mask refers to, which is nil for an image with one frame.
    private func imageFrame(_ path: String, _ frame: Int?) throws -> InputFrame {
        try reader.read(path, frame: try reader.frames(of: path) == 1 ? nil : frame ?? 1)
    }

    private func readMask(_ path: String) throws -> (mask: Mask, spacing: PixelSpacing?) {
        guard ImageFileKind(path) == .nifti else { return (try Mask.read(path), nil) }
        let volume = try NIfTIVolume.read(path)
        guard let frame = frame ?? (volume.frames == 1 ? 1 : nil) else {
            throw MeasureError.severalFrames(path, volume.frames)
        }
        guard frame <= volume.frames else {
            throw InputError.noFrame(path, frame: frame, frames: volume.frames)
        }
        let values = volume.values(frame: frame - 1).map { $0 > 0 ? UInt8(1) : 0 }
        return (Mask(width: volume.width, height: volume.height, values: values), volume.spacing)
    }

    private func result(_ path: String) throws -> [MeasuredMask] {
        let bytes = try RegularFile.read(path, limit: 256 << 20)
        let result: StoredResult
        do {
            result = try JSON.decode(StoredResult.self, from: bytes)
        } catch {
            throw MeasureError.notAResult(path)
        }
        let size = Size(height: result.image.height, width: result.image.width)
        guard size.width > 0, size.height > 0, size.width <= 1 << 20, size.height <= 1 << 20,
            size.area <= ImageLimits.standard.pixels
        else { throw MeasureError.notAResult(path) }
        let frame = try imagePath.map { try reader.read($0, frame: self.frame) }
        if let frame, let imagePath, frame.image.size != size {
            throw MeasureError.sizesDiffer(path, size, imagePath, frame.image.size)
        }
        return try result.masks.map { entry in
            guard let mask = entry.mask(size) else { throw MeasureError.notAResult(path) }
            let calibration =
                spacing.calibration(for: result.image.path)
                ?? frame.map { $0.pixelSize.calibration(of: mask) } ?? entry.calibration
            return MeasuredMask(
                source: path, object: entry.object, candidate: entry.candidate, label: entry.label,
                image: result.image.path, frame: result.image.frame, mask: mask,
                calibration: calibration, pixels: frame?.image)
        }
    }

    /// The part of `NAME.json` that is measured; ``ResultRecord`` writes it.
    private struct StoredResult: Decodable {
        struct ImageEntry: Decodable {
            let path: String
            let frame: Int?
            let width: Int
            let height: Int
        }

        struct Entry: Decodable {
            let object: Int
            let candidate: Int
            let label: String?
            let contours: [[[Int]]]
            let spacingMm: [Double]?
            let spacingSource: String?
            let noMmReason: String?

            /// The mask of the contours; nil where they lie outside the size or are not closed
            /// polygons along pixel edges.
            func mask(_ size: Size) -> Mask? {
                var polygons: [Contour] = []
                for contour in contours {
                    let corners = contour.compactMap {
                        $0.count == 2 ? PixelCorner(x: $0[0], y: $0[1]) : nil
                    }
                    guard corners.count == contour.count, corners.count >= 4,
                        corners.allSatisfy({
                            (0...size.width).contains($0.x) && (0...size.height).contains($0.y)
                        }),
                        zip(corners, corners.dropFirst() + corners.prefix(1)).allSatisfy({
                            ($0.x == $1.x) != ($0.y == $1.y)
                        })
                    else { return nil }
                    polygons.append(Contour(corners: corners))
                }
                return Mask(filling: polygons, size: size)
            }

            var calibration: Calibration {
                guard let spacingMm, spacingMm.count == 2,
                    spacingMm.allSatisfy({ $0 > 0 && $0.isFinite })
                else {
                    return .unknown(
                        reason: noMmReason
                            ?? "the image states no pixel size: give --spacing or --spacing-table")
                }
                return .known(
                    PixelSpacing(x: spacingMm[0], y: spacingMm[1]),
                    source: spacingSource ?? "the result")
            }
        }

        let image: ImageEntry
        let masks: [Entry]
    }
}

/// Why masks cannot be measured.
enum MeasureError: Error, Equatable, CustomStringConvertible {
    case notAResult(String)
    case sizesDiffer(String, Size, String, Size)
    case severalFrames(String, Int)
    /// A DICOM SEG has no mask on a frame.
    case noMaskOnFrame(String, Int)
    /// A DICOM SEG belongs to another image.
    case otherImage(String, String)

    var description: String {
        switch self {
        case .notAResult(let path):
            "'\(path)' is not a result of 'samus segment' (NAME.json)"
        case .sizesDiffer(let first, let firstSize, let second, let secondSize):
            "'\(first)' has \(firstSize) pixels and '\(second)' has \(secondSize): they must have "
                + "the same size"
        case .severalFrames(let path, let frames):
            "'\(path)' has \(frames) frames: add --frame N, counted from 1"
        case .noMaskOnFrame(let path, let frame):
            "'\(path)' has no mask on frame \(frame) of its image"
        case .otherImage(let path, let image):
            "'\(path)' holds masks of another DICOM image than '\(image)'"
        }
    }
}
