import FileIO
import Foundation
import Imaging

/// A binary Segmentation object (DICOM SEG) that is read.
public struct DICOMSegmentationFile: Sendable {
    /// What a frame shows.
    public struct Frame: Decodable, Sendable {
        /// The number of the segment; nil where the file names none.
        public let segment: Int?
        /// SOP Instance UID of the image; nil where the file names none.
        public let instance: String?
        /// The frame of the image, from 1; nil for an image with one frame.
        public let frame: Int?
    }

    private struct Segment: Decodable {
        let number: Int
        let label: String?
    }

    private struct Answer: Decodable {
        let width: Int
        let height: Int
        /// Rows, then columns.
        let pixelSpacing: [Double]?
        let segments: [Segment]
        let frames: [Frame]
    }

    /// The path.
    public let path: String
    /// The size of all masks.
    public let size: Size
    /// The size of a pixel, where the file states one for all frames.
    public let spacing: PixelSpacing?
    /// The labels of the segments by their numbers.
    public let labels: [Int: String]
    /// The frames, in order.
    public let frames: [Frame]

    private static let largestRunCount = 50_000_000

    /// The kind of object (SOP Class UID).
    public static let sopClass = DICOMSegmentation.sopClass

    /// Reads what a file states about its masks, without the masks.
    ///
    /// - Parameter path: the file.
    /// - Returns: the file.
    /// - Throws: ``DICOMError``, also for fractional or compressed masks.
    public static func read(_ path: String) throws(DICOMError) -> DICOMSegmentationFile {
        try open(path).file
    }

    /// Reads the masks.
    ///
    /// - Returns: one for each of ``frames``.
    /// - Throws: ``DICOMError``.
    public func masks() throws(DICOMError) -> [RunLength] {
        let (file, decoder) = try Self.open(path)
        guard file.size == size, file.frames.count == frames.count else {
            throw .cannotRead(name: path, reason: "it was changed while it was read")
        }
        var masks: [RunLength] = []
        var runs = 0
        for _ in frames {
            let values = try decoder.nextFrame(byteCount: size.area)
            guard values.allSatisfy({ $0 <= 1 }) else {
                throw .damaged(name: path, reason: "a mask has values other than 0 and 1")
            }
            let mask = Mask(width: size.width, height: size.height, values: values).runLength()
            // Of noise, run lengths take far more memory than the file.
            runs += mask.counts.count
            guard runs <= Self.largestRunCount else {
                throw .tooLarge(
                    name: path, reason: "its masks have more than \(Self.largestRunCount) runs")
            }
            masks.append(mask)
        }
        return masks
    }

    /// The text of an attribute, of which each character stands for a byte: UTF-8, else Latin-1.
    private static func text(_ characters: String) -> String {
        let bytes = characters.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        return String(validating: bytes, as: UTF8.self) ?? characters
    }

    private static func open(
        _ path: String
    ) throws(DICOMError) -> (file: DICOMSegmentationFile, decoder: DICOMDecoder) {
        let decoder = try DICOMDecoder(path, arguments: ["masks"])
        _ = try decoder.description()
        let answer = try decoder.masks(Answer.self)
        let size = Size(height: answer.height, width: answer.width)
        // The decoder has read a hostile file: what it states is checked here again.
        guard (1...65535).contains(size.width), (1...65535).contains(size.height),
            size.area <= ImageLimits.standard.pixels, !answer.frames.isEmpty,
            answer.frames.allSatisfy({ ($0.frame ?? 1) > 0 && ($0.segment ?? 1) > 0 })
        else { throw .damaged(name: path, reason: "it states a wrong size or frame") }
        let labels = answer.segments.map {
            ($0.number, $0.label.map(text) ?? "segment \($0.number)")
        }
        let spacing = answer.pixelSpacing.flatMap { values in
            values.count == 2 && values.allSatisfy { $0 > 0 && $0.isFinite }
                ? PixelSpacing(x: values[1], y: values[0]) : nil
        }
        return (
            DICOMSegmentationFile(
                path: path, size: size, spacing: spacing,
                labels: Dictionary(labels) { first, _ in first },
                frames: answer.frames),
            decoder
        )
    }
}
