import FileIO
import Foundation

/// Why a DICOM file cannot be read; `name` is its path.
public enum DICOMError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notDICOM(name: String)
    /// The file has no pixels: a report, a presentation state, a DICOMDIR.
    case noImage(name: String)
    case noFrame(name: String, frame: Int, frames: Int)
    case unsupported(name: String, reason: String)
    case tooLarge(name: String, reason: String)
    /// A result cannot refer to the file, which lacks a UID.
    case noIdentity(name: String, attribute: String)
    case damaged(name: String, reason: String)
    /// The decoder crashed, or used more time or memory than it may.
    case decoderStopped(name: String, signal: Int32)
    case decoderMissing(searched: String)
    /// The decoder does not start; `reason` is the system's, for example a missing DCMTK.
    case decoderUnusable(path: String, reason: String)
}

extension DICOMError {
    /// Whether no DICOM file can be read, because the decoder is missing or does not start.
    public var isAboutDecoder: Bool {
        switch self {
        case .decoderMissing, .decoderUnusable: true
        default: false
        }
    }
}

extension DICOMError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason):
            "'\(name)' cannot be read: \(reason)"
        case .notDICOM(let name):
            "'\(name)' is not a DICOM file"
        case .noIdentity(let name, let attribute):
            "'\(name)' has no valid \(attribute), so that no DICOM result can refer to it"
        case .noImage(let name):
            "'\(name)' is a DICOM file without an image"
        case .noFrame(let name, let frame, let frames):
            "'\(name)' has \(counted(frames, "frame")): there is no frame "
                + "\(frame)"
        case .unsupported(let name, let reason):
            "'\(name)' cannot be decoded: \(reason); needed are grey, palette, RGB or YBR pixels "
                + "of 8 bits (grey and palette also 16), uncompressed or as RLE, JPEG, JPEG-LS or "
                + "JPEG 2000"
        case .tooLarge(let name, let reason):
            "'\(name)' is too large: \(reason)"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .decoderStopped(let name, SIGXCPU):
            "'\(name)' is damaged: a frame takes too long to decode"
        case .decoderStopped(let name, let signal):
            "'\(name)' is damaged: the DICOM decoder was stopped by signal \(signal)"
        case .decoderMissing(let searched):
            "reading DICOM needs the program samus-dicom: build it with 'make inference' in a "
                + "checkout, and set SAMUS_DICOM if it is elsewhere (looked for \(searched))"
        case .decoderUnusable(let path, let reason):
            "reading DICOM needs DCMTK and OpenJPEG (Debian packages libdcmtk-dev and "
                + "libopenjp2-7-dev): \(path) does not start: \(reason)"
        }
    }
}
