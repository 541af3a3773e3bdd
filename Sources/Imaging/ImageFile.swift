import CPng
import FileIO

extension Image {
    /// Reads a PNG or JPEG file.
    ///
    /// Symbolic links are followed to regular files; folders, devices and pipes are refused.
    /// See ``decode(_:name:limits:)`` for which pixels come out.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: how large an image is accepted.
    /// - Returns: the image, of one channel when the file is grey, else of three.
    /// - Throws: ``ImageError``; a truncated or damaged file throws and never gives half an image.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        try decode(ImageError.bytes(of: path, limits), name: path, limits: limits)
    }

    /// Decodes a PNG or JPEG file held in memory.
    ///
    /// The numbers are the stored ones, as in OpenCV and Pillow: no gamma or colour profile is
    /// applied, alpha is dropped and not composited, of 16 bits the high byte is kept, 1, 2 and
    /// 4 bits are stretched to 0...255, palettes become RGB. JPEG decodes as libjpeg-turbo does by
    /// default; its EXIF orientation *is* applied, as OpenCV's `imread` and every viewer do, so
    /// that a click read off a screen hits its pixel (Pillow leaves this to its caller). In a PNG
    /// orientation is ignored. CMYK, arithmetic-coded, lossless and 12-bit JPEG are refused by
    /// name.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: what to call it in an error.
    ///   - limits: how large an image is accepted.
    /// - Returns: the image, of one channel when the file is grey, else of three.
    /// - Throws: ``ImageError``; a truncated or damaged file throws and never gives half an image.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        switch try ImageFormat.recognized(bytes, name: name, limits: limits) {
        case .png:
            try PNGReader(bytes, name: name, limits: limits).image()
        case .jpeg:
            try JPEGReader(bytes, name: name, limits: limits).image()
        case .other(let format):
            throw .unsupportedFormat(name: name, format: format)
        }
    }
}

extension ImageFormat {
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - name: what to call it in an error.
    ///   - limits: how large an image is accepted.
    /// - Returns: the format.
    /// - Throws: ``ImageError/notAImage(name:)`` when the first bytes say nothing.
    static func recognized(
        _ bytes: [UInt8], name: String, limits: ImageLimits
    ) throws(ImageError) -> ImageFormat {
        if bytes.isEmpty { throw .empty(name: name) }
        if bytes.count > limits.bytes {
            throw .tooManyBytes(name: name, bytes: bytes.count, limit: limits.bytes)
        }
        guard let format = ImageFormat(bytes) else { throw .notAImage(name: name) }
        return format
    }
}

extension ImageLimits {
    /// Refuses a header's size before memory is taken for it.
    ///
    /// - Parameters:
    ///   - width: columns the header claims.
    ///   - height: rows the header claims.
    ///   - bytes: size of the file.
    ///   - largest: most pixels that a file of that size can hold.
    ///   - name: what to call the file in an error.
    /// - Throws: which bound is exceeded.
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
            throw .moreThanTheFileHolds(name: name, width: width, height: height, bytes: bytes)
        }
    }
}

extension Image {
    /// Writes a PNG file, whole or not at all.
    ///
    /// The file appears under its name only when it is complete and on the disk; when writing
    /// fails, a file that was there before is as it was.
    ///
    /// - Parameters:
    ///   - path: the file to make or replace.
    ///   - comment: text kept in the file; characters outside Latin-1 become `?`.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` with the system's reason.
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
    /// - Parameter comment: text kept in the file; characters outside Latin-1 become `?`.
    /// - Returns: the file's content.
    /// - Throws: ``ImageError/cannotWrite(name:reason:)`` when memory is short.
    public func encodedPNG(comment: String? = nil) throws(ImageError) -> [UInt8] {
        try encodedPNG(name: "PNG", comment: comment)
    }

    private func encodedPNG(name: String, comment: String?) throws(ImageError) -> [UInt8] {
        var message = [CChar](repeating: 0, count: Int(CPNG_MESSAGE_SIZE))
        var encoded: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = cpng_encode(
            pixels, UInt32(width), UInt32(height), Int32(channels), comment.map(latin1), &encoded,
            &count, &message)
        guard status == 0, let encoded else {
            throw .cannotWrite(name: name, reason: words(message))
        }
        defer { cpng_free(encoded) }
        return Array(UnsafeBufferPointer(start: encoded, count: count))
    }
}

/// Text in the one character set of a PNG comment, ended by a zero.
private func latin1(_ text: String) -> [CChar] {
    let characters = text.unicodeScalars.map { scalar in
        let isPrintable = scalar == "\n" || (32...126).contains(scalar.value)
        let isLatin1 = isPrintable || (161...255).contains(scalar.value)
        return CChar(bitPattern: isLatin1 ? UInt8(scalar.value) : UInt8(ascii: "?"))
    }
    return characters + [0]
}

/// A file's format, by its first bytes.
enum ImageFormat: Equatable {
    case png
    case jpeg
    /// Known by name only.
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

/// How large an input image may be; checked before memory is taken for it.
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
/// `name` is the path, or what the caller called the bytes.
public enum ImageError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notARegularFile(name: String, kind: String)
    case empty(name: String)
    case notAImage(name: String)
    case unsupportedFormat(name: String, format: String)
    case unsupportedKind(name: String, kind: String)
    case noPixels(name: String, width: Int, height: Int)
    case tooManyPixels(name: String, width: Int, height: Int, limit: Int)
    case tooManyBytes(name: String, bytes: Int, limit: Int)
    case moreThanTheFileHolds(name: String, width: Int, height: Int, bytes: Int)
    case fewGreys(name: String, largest: Int)
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
        case .notAImage(let name):
            "'\(name)' is not an image this program knows; a PNG or JPEG file is needed"
        case .unsupportedFormat(let name, let format):
            "'\(name)' is a \(format) file; PNG or JPEG is needed"
        case .unsupportedKind(let name, let kind):
            "'\(name)' is \(kind); a grey or RGB image of 1 to 16 bits (PNG) or 8 bits (JPEG)"
                + " is needed"
        case .noPixels(let name, let width, let height):
            "'\(name)' says it is \(width)x\(height) pixels; at least 1x1 is needed"
        case .tooManyPixels(let name, let width, let height, let limit):
            "'\(name)' says it is \(width)x\(height) pixels; at most \(limit) pixels are read"
        case .tooManyBytes(let name, let bytes, let limit):
            "'\(name)' has \(bytes) bytes; at most \(limit) are read"
        case .moreThanTheFileHolds(let name, let width, let height, let bytes):
            "'\(name)' says it is \(width)x\(height) pixels, more than its \(bytes) bytes can hold"
        case .fewGreys(let name, let largest):
            "'\(name)' has 16 bits a sample, of which \(largest) is the largest of 65535: in 8 bits"
                + " only \(largest >> 8 + 1) greys would be left; stretch it to 0...65535 first"
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
