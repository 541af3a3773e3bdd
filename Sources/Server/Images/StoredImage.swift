import DICOM
import FileIO
import Foundation
import Imaging

/// An image that the server knows: its identity, its size, and where its pixels come from.
struct StoredImage: Sendable {
    /// The format of the file.
    enum Format: String, Sendable, Encodable {
        case image, dicom, nifti
    }

    /// Where the pixels come from.
    enum Source: Sendable {
        case bytes([UInt8])
        /// A file in a folder of the server, or a temporary one.
        case file(String)
        case temporary(TemporaryFile)
    }

    /// How clients name the image.
    let id: String
    /// SHA-256 of the file.
    let sha256: String
    let format: Format
    let size: Size
    let frames: Int
    /// Of a cine.
    let frameTimeMs: Double?
    let source: Source
    let bytes: Int
    /// What a DICOM file says about the size of its pixels.
    let dicom: DICOMImage?
    /// What another file says about it.
    let spacing: PixelSpacing?
    /// From voxel indices to mm in RAS; of a NIfTI file.
    let affine: [[Double]]?

    /// The key of a frame in the cache of encoded images.
    func key(frame: Int) -> String { "\(sha256)#\(frame)" }

    /// Checks the number of a frame.
    ///
    /// - Throws: ``RequestError``.
    func check(frame: Int) throws(RequestError) {
        guard (1...frames).contains(frame) else {
            throw .unprocessable(
                "the image has \(counted(frames, "frame")): there is no frame "
                    + "\(frame)")
        }
    }

    /// The size of a pixel in a part of the image, or why it is not known.
    ///
    /// - Parameters:
    ///   - part: the bounding box of a mask.
    ///   - given: what the request states; it counts first.
    /// - Returns: the size with its source, or the reason.
    func calibration(of part: PixelBox?, given: PixelSpacing?) -> Calibration {
        if let given { return .known(given, source: "request") }
        if let dicom { return dicom.calibration(of: part) }
        if let spacing { return .known(spacing, source: "NIfTI header") }
        return .unknown(
            reason: format == .nifti
                ? "the NIfTI header states no pixel size"
                : "PNG and JPEG files state no pixel size: set spacing")
    }
}

extension StoredImage {
    /// Reads what a file says about its image.
    ///
    /// - Parameters:
    ///   - bytes: the content of the file.
    ///   - id: nil to take the beginning of the file's SHA-256.
    ///   - path: where the file is; nil for an uploaded one.
    ///   - folder: for uploaded DICOM files, which are decoded by another program.
    ///   - limits: the largest accepted image.
    /// - Throws: why it is no image.
    init(
        _ bytes: [UInt8], id: String? = nil, path: String?, folder: TemporaryFolder,
        limits: ImageLimits
    ) throws {
        guard !bytes.isEmpty else { throw RequestError.badRequest("the image is empty") }
        sha256 = SHA256.hexDigest(of: bytes)
        self.id = id ?? String(sha256.prefix(32))
        self.bytes = bytes.count
        if Self.isNIfTI(bytes) {
            let volume = try NIfTIVolume.decode(bytes, name: "image", limits: limits)
            format = .nifti
            size = Size(height: volume.height, width: volume.width)
            frames = volume.frames
            spacing = volume.spacing
            affine = volume.affine
            (dicom, frameTimeMs) = (nil, nil)
            source = path.map { .file($0) } ?? .bytes(bytes)
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) || bytes.starts(with: [0xFF, 0xD8]) {
            // Decoded to the end, so that a damaged file is refused now.
            size = try Image.decode(bytes, name: "image", limits: limits).size
            format = .image
            frames = 1
            (dicom, frameTimeMs, spacing, affine) = (nil, nil, nil, nil)
            source = path.map { .file($0) } ?? .bytes(bytes)
        } else {
            let file = try path == nil ? folder.file(bytes) : nil
            guard let place = path ?? file?.path, DICOMFile.isDICOM(place) else {
                throw RequestError(
                    .unsupportedMediaType,
                    "the image is none of the known formats: PNG, JPEG, DICOM or NIfTI is needed")
            }
            let described = try DICOMFile.read(place)
            guard let image = described.image else { throw DICOMError.noImage(name: "image") }
            guard image.size.area <= limits.pixels else {
                throw RequestError(
                    .contentTooLarge,
                    "the image has \(image.size) pixels; at most \(limits.pixels) are read")
            }
            format = .dicom
            size = image.size
            frames = image.frames
            frameTimeMs = image.frameTimeMs
            dicom = image
            (spacing, affine) = (nil, nil)
            source = file.map { .temporary($0) } ?? .file(place)
        }
    }

    /// Whether a file is NIfTI-1, or compressed by gzip, as only NIfTI files are here.
    private static func isNIfTI(_ bytes: [UInt8]) -> Bool {
        if bytes.starts(with: [0x1F, 0x8B]) { return true }
        guard bytes.count >= 352 else { return false }
        let magic = bytes[344..<348]
        return magic.elementsEqual("n+1\0".utf8) || magic.elementsEqual("ni1\0".utf8)
    }
}

extension StoredImage {
    /// What is the same for all images of a patient: a hash; nil where the file does not say.
    func patient() async -> String? {
        let path: String
        switch (format, source) {
        case (.dicom, .file(let file)): path = file
        case (.dicom, .temporary(let file)): path = file.path
        default: return nil
        }
        return try? await Blocking.run { try DICOMSource.read(path).patientHash }
    }
}

/// A folder for uploaded DICOM files, removed when the server stops.
final class TemporaryFolder: Sendable {
    let path: String

    /// - Throws: ``FileError``.
    init() throws(FileError) {
        let template = NSTemporaryDirectory() + "samus-server-XXXXXX"
        var name = Array(template.utf8CString)
        guard mkdtemp(&name) != nil else {
            throw FileError(path: template, reason: String(cString: strerror(errno)))
        }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Writes a file that is removed when nothing uses it any more.
    func file(_ bytes: [UInt8]) throws -> TemporaryFile {
        let file = TemporaryFile(path: "\(path)/\(UUID().uuidString)")
        try Data(bytes).write(to: URL(fileURLWithPath: file.path))
        return file
    }

    /// Removes the folder with its files.
    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    deinit {
        remove()
    }
}

/// A file that is removed with its last reference.
final class TemporaryFile: Sendable {
    let path: String

    fileprivate init(path: String) {
        self.path = path
    }

    deinit {
        unlink(path)
    }
}
