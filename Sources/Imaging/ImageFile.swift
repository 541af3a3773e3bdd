import CPng
import FileIO

extension Image {
    /// Reads a PNG or JPEG file.
    ///
    /// Symbolic links are followed to regular files; folders, devices and pipes are refused.
    /// ``decode(_:name:limits:)`` describes the resulting pixels.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: the largest accepted image.
    /// - Returns: the image, with one channel if the file is grey, else with three.
    /// - Throws: ``ImageError``, also for a truncated or damaged file.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        try decode(ImageError.bytes(of: path, limits), name: path, limits: limits)
    }

    /// Decodes a PNG or JPEG file held in memory.
    ///
    /// Pixels have the stored values, as in OpenCV and Pillow:
    /// - No gamma or colour profile is applied. Alpha is ignored.
    /// - Of 16 bits, the high byte is used; 1, 2 and 4 bits are scaled to 0...255. Palettes become
    ///   RGB.
    /// - JPEG is decoded with libjpeg-turbo's default settings. Its EXIF orientation *is* applied, as
    ///   OpenCV's `imread` and image viewers do, so that a click on the displayed image has the same
    ///   coordinates here (Pillow does not apply it). In PNG, the orientation is ignored.
    /// - CMYK, arithmetic-coded, lossless and 12-bit JPEG are refused.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Returns: the image, with one channel if the file is grey, else with three.
    /// - Throws: ``ImageError``, also for a truncated or damaged file.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        switch try ImageFormat.detect(bytes, name: name, limits: limits) {
        case .png:
            try PNGReader(bytes, name: name, limits: limits).image()
        case .jpeg:
            try JPEGReader(bytes, name: name, limits: limits).image()
        case .other(let format):
            throw .unsupportedFormat(name: name, format: format)
        }
    }
}

/// How an image is stored, and turned by its EXIF orientation.
public struct ImageOrientation: Equatable, Sendable {
    /// The stored rows and columns.
    public let size: Size
    /// EXIF's number, 1 to 8; 1 for PNG and upright images.
    public let exif: Int

    /// Rows and columns as ``Image/read(_:limits:)`` gives them.
    public var upright: Size {
        exif >= 5 ? Size(height: size.width, width: size.height) : size
    }

    /// Reads the header of a PNG or JPEG file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: the largest accepted image.
    /// - Returns: size and orientation.
    /// - Throws: ``ImageError`` when the header is not valid.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> ImageOrientation {
        let bytes = try ImageError.bytes(of: path, limits)
        switch try ImageFormat.detect(bytes, name: path, limits: limits) {
        case .png:
            let png = try PNGReader(bytes, name: path, limits: limits)
            return ImageOrientation(size: Size(height: png.height, width: png.width), exif: 1)
        case .jpeg:
            let header = try JPEGHeader(bytes, name: path)
            return ImageOrientation(
                size: Size(height: header.height, width: header.width), exif: header.orientation)
        case .other(let format):
            throw .unsupportedFormat(name: path, format: format)
        }
    }
}

extension ImageFormat {
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Returns: the format.
    /// - Throws: ``ImageError/notAnImage(name:)`` if the first bytes belong to no known format.
    static func detect(
        _ bytes: [UInt8], name: String, limits: ImageLimits
    ) throws(ImageError) -> ImageFormat {
        if bytes.isEmpty { throw .empty(name: name) }
        if bytes.count > limits.bytes {
            throw .tooManyBytes(name: name, bytes: bytes.count, limit: limits.bytes)
        }
        guard let format = ImageFormat(bytes) else { throw .notAnImage(name: name) }
        return format
    }
}

extension ImageLimits {
    /// Checks the size in a header before memory is allocated for it.
    ///
    /// - Parameters:
    ///   - width: columns according to the header.
    ///   - height: rows according to the header.
    ///   - bytes: size of the file.
    ///   - largest: largest number of pixels that a file of this size can contain.
    ///   - name: the file's name in errors.
    /// - Throws: ``ImageError`` if a limit is exceeded.
    func check(
        width: Int, height: Int, bytes: Int, largest: Int, name: String
    ) throws(ImageError) {
        guard width > 0 && height > 0 else {
            throw .noPixels(name: name, width: width, height: height)
        }
        let (count, overflows) = width.multipliedReportingOverflow(by: height)
        if overflows || count > pixels {
            throw .tooManyPixels(name: name, width: width, height: height, limit: pixels)
        }
        if count > largest {
            throw .exceedsFileSize(name: name, width: width, height: height, bytes: bytes)
        }
    }
}

extension Image {
    /// Writes a PNG file atomically: if writing fails, an older file is unchanged.
    ///
    /// - Parameters:
    ///   - path: the file to create or replace.
    ///   - comment: a comment in the file; characters outside Latin-1 become `?`.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` with the operating system's reason.
    public func write(to path: String, comment: String? = nil) throws(ImageError) {
        let bytes = try encodedPNG(name: path, comment: comment)
        do throws(FileError) {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .cannotWrite(name: path, reason: error.reason)
        }
    }

    /// Encodes as PNG: 8-bit grey or 8-bit RGB.
    ///
    /// - Parameter comment: a comment in the file; characters outside Latin-1 become `?`.
    /// - Returns: the file's content.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` if there is not enough memory.
    public func encodedPNG(comment: String? = nil) throws(ImageError) -> [UInt8] {
        try encodedPNG(name: "PNG", comment: comment)
    }

    private func encodedPNG(name: String, comment: String?) throws(ImageError) -> [UInt8] {
        try encodedAsPNG(pixels, width, height, channels: channels, name: name, comment: comment)
    }
}

extension Mask {
    /// Encodes as PNG: 8-bit grey, 0 for background and 255 for foreground.
    ///
    /// - Parameter comment: a comment in the file; characters outside Latin-1 become `?`.
    /// - Returns: the file's content.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` if there is not enough memory.
    public func encodedPNG(comment: String? = nil) throws(ImageError) -> [UInt8] {
        try encodedAsPNG(
            values, width, height, channels: 1, factor: 255, name: "PNG", comment: comment)
    }
}

/// Encodes samples, of which grey ones are multiplied by a factor.
private func encodedAsPNG(
    _ samples: [UInt8], _ width: Int, _ height: Int, channels: Int, factor: UInt8 = 1,
    name: String, comment: String?
) throws(ImageError) -> [UInt8] {
    var message = [CChar](repeating: 0, count: Int(CPNG_MESSAGE_SIZE))
    var encoded: UnsafeMutablePointer<UInt8>?
    var count = 0
    let status = cpng_encode(
        samples, UInt32(width), UInt32(height), Int32(channels), factor, comment.map(latin1),
        &encoded, &count, &message)
    guard status == 0, let encoded else {
        throw .cannotWrite(name: name, reason: string(from: message))
    }
    defer { cpng_free(encoded) }
    return Array(UnsafeBufferPointer(start: encoded, count: count))
}

/// Encodes text in Latin-1, the character set of PNG comments, as a C string.
private func latin1(_ text: String) -> [CChar] {
    let characters = text.unicodeScalars.map { scalar in
        let isPrintable = scalar == "\n" || (32...126).contains(scalar.value)
        let isLatin1 = isPrintable || (161...255).contains(scalar.value)
        return CChar(bitPattern: isLatin1 ? UInt8(scalar.value) : UInt8(ascii: "?"))
    }
    return characters + [0]
}

/// The format of a file, detected from its first bytes.
enum ImageFormat: Equatable {
    case png
    case jpeg
    /// A format that is detected but not supported.
    case other(String)

    /// - Parameter bytes: the file's content.
    init?(_ bytes: [UInt8]) {
        func begins(_ magic: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + magic.count && bytes[offset...].starts(with: magic)
        }
        func begins(_ magic: String, at offset: Int = 0) -> Bool {
            begins(Array(magic.utf8), at: offset)
        }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if begins([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins("DICM", at: 128) {
            self = .other("DICOM")
        } else if begins("GIF87a") || begins("GIF89a") {
            self = .other("GIF")
        } else if begins("RIFF") && begins("WEBP", at: 8) {
            self = .other("WebP")
        } else if begins([0x49, 0x49, 42, 0]) || begins([0x4D, 0x4D, 0, 42])
            || begins([0x49, 0x49, 43, 0]) || begins([0x4D, 0x4D, 0, 43])
        {
            self = .other("TIFF")
        } else if begins([0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20]) || begins([0xFF, 0x4F, 0xFF, 0x51])
        {
            self = .other("JPEG 2000")
        } else if begins("ftypheic", at: 4) || begins("ftypmif1", at: 4) {
            self = .other("HEIC")
        } else if begins("ftypavif", at: 4) {
            self = .other("AVIF")
        } else if begins("%PDF") {
            self = .other("PDF")
        } else if begins("BM") && bytes.count >= 26 && begins([0, 0, 0, 0], at: 6) {
            self = .other("BMP")
        } else {
            return nil
        }
    }
}

/// The largest accepted image; checked before memory is allocated for it.
public struct ImageLimits: Hashable, Sendable {
    /// Largest number of pixels, width times height.
    public var pixels: Int
    /// Largest file, in bytes.
    public var bytes: Int

    /// 100 megapixels and 512 MB.
    public static let standard = ImageLimits(pixels: 100_000_000, bytes: 512 << 20)

    /// - Parameters:
    ///   - pixels: largest number of pixels, width times height.
    ///   - bytes: largest file, in bytes.
    public init(pixels: Int, bytes: Int) {
        self.pixels = pixels
        self.bytes = bytes
    }
}

/// Why an image cannot be read or written.
///
/// `name` is the path, or the name that the caller gave to the bytes.
public enum ImageError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notARegularFile(name: String, kind: String)
    case empty(name: String)
    case notAnImage(name: String)
    case unsupportedFormat(name: String, format: String)
    case unsupportedKind(name: String, kind: String)
    case noPixels(name: String, width: Int, height: Int)
    case tooManyPixels(name: String, width: Int, height: Int, limit: Int)
    case tooManyBytes(name: String, bytes: Int, limit: Int)
    case exceedsFileSize(name: String, width: Int, height: Int, bytes: Int)
    case lowDynamicRange(name: String, largest: Int)
    case damaged(name: String, reason: String)
    case cannotWrite(name: String, reason: String)
}

extension ImageError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason):
            "'\(name)' cannot be read: \(reason)"
        case .notARegularFile(let name, let kind):
            "'\(name)' is \(kind); a PNG or JPEG file is needed"
        case .empty(let name):
            "'\(name)' is empty; a PNG or JPEG file is needed"
        case .notAnImage(let name):
            "'\(name)' is not an image of a known format; a PNG or JPEG file is needed"
        case .unsupportedFormat(let name, let format):
            "'\(name)' is a \(format) file; PNG or JPEG is needed"
        case .unsupportedKind(let name, let kind):
            "'\(name)' is \(kind); a grey or RGB image of 1 to 16 bits (PNG) or 8 bits (JPEG)"
                + " is needed"
        case .noPixels(let name, let width, let height):
            "'\(name)' states a size of \(width)x\(height) pixels; at least 1x1 is needed"
        case .tooManyPixels(let name, let width, let height, let limit):
            "'\(name)' states a size of \(width)x\(height) pixels; at most \(limit) pixels are read"
        case .tooManyBytes(let name, let bytes, let limit):
            "'\(name)' has \(bytes) bytes; at most \(limit) are read"
        case .exceedsFileSize(let name, let width, let height, let bytes):
            "'\(name)' states a size of \(width)x\(height) pixels, more than its \(bytes) bytes can"
                + " contain"
        case .lowDynamicRange(let name, let largest):
            "'\(name)' has 16 bits per sample, but its largest value is \(largest) of 65535: in 8"
                + " bits, only \(largest >> 8 + 1) grey levels would remain; stretch it to 0...65535"
                + " first"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .cannotWrite(let name, let reason):
            "'\(name)' cannot be written: \(reason)"
        }
    }
}

extension ImageError {
    /// Reads a whole image file.
    static func bytes(of path: String, _ limits: ImageLimits) throws(ImageError) -> [UInt8] {
        do throws(FileReadError) {
            return try RegularFile.read(path, limit: limits.bytes)
        } catch {
            switch error {
            case .notARegularFile(_, let kind): throw .notARegularFile(name: path, kind: kind)
            case .tooLarge(_, let bytes, let limit):
                throw .tooManyBytes(name: path, bytes: bytes, limit: limit)
            default: throw .cannotRead(name: path, reason: error.reason)
            }
        }
    }
}
