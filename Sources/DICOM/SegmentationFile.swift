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
        let segments: [Segment]
        let frames: [Frame]
    }

    /// The path.
    public let path: String
    /// The size of all masks.
    public let size: Size
    /// The labels of the segments by their numbers.
    public let labels: [Int: String]
    /// The frames, in order.
    public let frames: [Frame]

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
        for _ in frames {
            let values = try decoder.nextFrame(byteCount: size.area)
            guard values.allSatisfy({ $0 <= 1 }) else {
                throw .damaged(name: path, reason: "a mask has values other than 0 and 1")
            }
            let mask = Mask(width: size.width, height: size.height, values: values)
            masks.append(mask.runLength())
        }
        return masks
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
            size.area <= ImageLimits.standard.pixels, !answer.frames.isEmpty
        else { throw .damaged(name: path, reason: "it states a wrong size") }
        let labels = answer.segments.map { ($0.number, $0.label ?? "segment \($0.number)") }
        return (
            DICOMSegmentationFile(
                path: path, size: size, labels: Dictionary(labels) { first, _ in first },
                frames: answer.frames),
            decoder
        )
    }
}
