import ArgumentParser
import DICOM
import Foundation
import Imaging

/// The frames to take from files with several: one, or all.
enum FrameSelection: ExpressibleByArgument, Equatable, Sendable {
    case all
    /// A number from 1, as in DICOM.
    case number(Int)

    init?(argument: String) {
        if argument == "all" {
            self = .all
        } else if let number = Int(argument), number > 0 {
            self = .number(number)
        } else {
            return nil
        }
    }
}

/// The kinds of files with images.
enum ImageFileKind {
    /// PNG or JPEG: one image.
    case image
    case dicom
    case nifti
    /// GIF, AVI or MP4.
    case video

    /// The kind of a file: by its first bytes, and for NIfTI, which may be compressed, by its name.
    init(_ path: String) {
        let name = path.lowercased()
        if name.hasSuffix(".nii") || name.hasSuffix(".nii.gz") {
            self = .nifti
        } else if DICOMFile.isDICOM(path) {
            self = .dicom
        } else if VideoFile.Format(ofFile: path) != nil {
            self = .video
        } else {
            self = .image
        }
    }
}

/// One image of a file.
struct InputFrame {
    let image: Image
    /// The number of the frame, from 1; nil for a file with one image.
    let number: Int?
    /// SOP Instance UID of a DICOM file.
    let sopInstance: String?
    let pixelSize: PixelSize
    /// How values were turned into grey levels, where the user should know.
    let notes: [String]
}

/// What is known about the size of an image's pixels.
enum PixelSize {
    /// The same everywhere in the image, or unknown.
    case uniform(Calibration)
    /// By the ultrasound regions of the file.
    case regions(DICOMImage)
    /// A file that states no size, as PNG and JPEG do.
    case notStated

    /// Whether the file or the command line says something about it.
    var isStated: Bool {
        if case .notStated = self { false } else { true }
    }

    /// The size of a pixel in a mask.
    func calibration(of mask: Mask) -> Calibration {
        switch self {
        case .uniform(let calibration): calibration
        case .regions(let image): image.calibration(of: mask.boundingBox)
        case .notStated:
            .unknown(reason: "the file states no pixel size: give --spacing or --spacing-table")
        }
    }
}

/// Reads frames of PNG, JPEG, DICOM, NIfTI and video files; a file that was used last stays open.
final class FrameReader {
    private let spacing: SpacingSource
    private var dicom: (file: DICOMFile, reader: DICOMFrameReader)?
    private var nifti: (path: String, volume: NIfTIVolume, scale: NIfTIGreyScale)?
    private var video: (file: VideoFile, reader: VideoFrameReader)?

    /// - Parameter spacing: pixel sizes from the command line, which count before the files' own.
    init(spacing: SpacingSource = SpacingSource()) {
        self.spacing = spacing
    }

    /// How many frames a file has.
    ///
    /// - Returns: 1 for PNG and JPEG, which are not opened; nil for a DICOM file without an image.
    /// - Throws: why the file cannot be read.
    func frames(of path: String) throws -> Int? {
        switch ImageFileKind(path) {
        case .image: 1
        case .dicom: try DICOMFile.read(path).image?.frames
        case .nifti: try volume(path).volume.frames
        case .video: try openVideo(path).file.frames
        }
    }

    /// The time of each frame in seconds after the first; nil where the file does not state them.
    ///
    /// - Throws: why the file cannot be read.
    func times(of path: String) throws -> [Double]? {
        switch ImageFileKind(path) {
        case .image, .nifti: return nil
        case .dicom:
            let image = try openDICOM(path).1.image
            return image.frameTimeMs.flatMap { time in
                time > 0 ? (0..<image.frames).map { Double($0) * time / 1000 } : nil
            }
        case .video: return try openVideo(path).file.times
        }
    }

    /// Reads one image.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - frame: its number from 1; nil where the file must have only one.
    /// - Returns: the image with what is known about its pixels.
    /// - Throws: why it cannot be read.
    func read(_ path: String, frame: Int?) throws -> InputFrame {
        var found: InputFrame
        switch ImageFileKind(path) {
        case .image:
            try checkFrame(frame, of: 1, in: path)
            found = InputFrame(
                image: try image(path), number: nil, sopInstance: nil, pixelSize: .notStated,
                notes: [])
        case .dicom:
            let (file, reader) = try openDICOM(path)
            let frames = reader.image.frames
            try checkFrame(frame, of: frames, in: path)
            found = InputFrame(
                image: try reader.frame((frame ?? 1) - 1), number: frames > 1 ? frame : nil,
                sopInstance: file.sopInstance, pixelSize: .regions(reader.image), notes: [])
        case .nifti:
            let (volume, scale) = try volume(path)
            try checkFrame(frame, of: volume.frames, in: path)
            let calibration = volume.spacing.map {
                Calibration.known($0, source: "NIfTI header")
            }
            found = InputFrame(
                image: volume.image(frame: (frame ?? 1) - 1, scale: scale),
                number: volume.frames > 1 ? frame : nil, sopInstance: nil,
                pixelSize: .uniform(
                    calibration ?? .unknown(reason: "the NIfTI header states no pixel size")),
                notes: scale.isStored ? [] : [scale.description])
        case .video:
            let (file, reader) = try openVideo(path)
            try checkFrame(frame, of: file.frames, in: path)
            found = InputFrame(
                image: try reader.frame((frame ?? 1) - 1), number: file.frames > 1 ? frame : nil,
                sopInstance: nil, pixelSize: .notStated, notes: [])
        }
        if let given = spacing.calibration(for: path) {
            found = InputFrame(
                image: found.image, number: found.number, sopInstance: found.sopInstance,
                pixelSize: .uniform(given), notes: found.notes)
        }
        return found
    }

    /// Reads one image, and refuses a blank one, for which a model would still return a mask.
    ///
    /// - Throws: as ``read(_:frame:)``, and ``BlankImageError``.
    func readNotBlank(_ input: InputImage) throws -> InputFrame {
        let frame = try read(input.path, frame: input.frame)
        try frame.image.checkNotBlank()
        return frame
    }

    /// Reads a PNG or JPEG file; of another file it says which formats are read.
    private func image(_ path: String) throws -> Image {
        do throws(ImageError) {
            return try Image.read(path)
        } catch {
            switch error {
            case .notAnImage: throw InputError.unknownFormat(path, nil)
            case .unsupportedFormat(_, let format): throw InputError.unknownFormat(path, format)
            default: throw error
            }
        }
    }

    private func checkFrame(_ frame: Int?, of frames: Int, in path: String) throws(InputError) {
        guard let frame else {
            guard frames == 1 else { throw .severalFrames(path, frames) }
            return
        }
        guard frame <= frames else { throw .noFrame(path, frame: frame, frames: frames) }
    }

    private func openDICOM(_ path: String) throws(DICOMError) -> (DICOMFile, DICOMFrameReader) {
        if let dicom, dicom.file.path == path { return dicom }
        let file = try DICOMFile.read(path)
        let opened = (file: file, reader: try file.frameReader())
        dicom = opened
        return opened
    }

    private func openVideo(
        _ path: String
    ) throws(VideoError) -> (file: VideoFile, reader: VideoFrameReader) {
        if let video, video.file.path == path { return video }
        let file = try VideoFile.read(path)
        let opened = (file: file, reader: VideoFrameReader(file))
        video = opened
        return opened
    }

    private func volume(
        _ path: String
    ) throws(NIfTIError) -> (volume: NIfTIVolume, scale: NIfTIGreyScale) {
        if let nifti, nifti.path == path { return (nifti.volume, nifti.scale) }
        let volume = try NIfTIVolume.read(path)
        let scale = volume.greyScale()
        nifti = (path, volume, scale)
        return (volume, scale)
    }
}

/// An image whose pixels all have the same value.
struct BlankImageError: Error, CustomStringConvertible {
    let value: [UInt8]

    var description: String {
        let numbers = value.map(String.init).joined(separator: ",")
        return "the image is blank: every pixel has the value \(numbers)"
    }
}

extension Image {
    /// - Throws: ``BlankImageError`` if all pixels have the same value.
    func checkNotBlank() throws(BlankImageError) {
        if let value = uniformValue { throw BlankImageError(value: value) }
    }
}
