import CTurboJPEG

/// A JPEG file with a valid, supported header.
struct JPEGReader {
    private let header: JPEGHeader
    private let bytes: [UInt8]
    private let name: String

    /// A block of 8x8 pixels takes at least one bit (in the first scan of a progressive file).
    private static let largestPixelsPerByte = 512

    /// - Parameters:
    ///   - bytes: the whole file, beginning with JPEG's start marker.
    ///   - name: the file's name in errors.
    ///   - limits: the largest accepted image.
    /// - Throws: ``ImageError`` if the header is invalid or not supported, or exceeds the limits.
    init(_ bytes: [UInt8], name: String, limits: ImageLimits) throws(ImageError) {
        header = try JPEGHeader(bytes, name: name)
        try limits.check(
            width: header.width, height: header.height, bytes: bytes.count,
            largest: bytes.count * Self.largestPixelsPerByte, name: name)
        self.bytes = bytes
        self.name = name
    }

    /// - Returns: the image, with its orientation applied.
    /// - Throws: ``ImageError/damaged(name:reason:)`` with libjpeg-turbo's message, also where it
    ///   would only warn and fill the rest with grey.
    func image() throws(ImageError) -> Image {
        guard let decoder = tjInitDecompress() else {
            throw .cannotRead(name: name, reason: "out of memory")
        }
        defer { tjDestroy(decoder) }
        let channels = header.components
        let count = header.width * header.height * channels
        let format = channels == 1 ? TJPF_GRAY : TJPF_RGB
        var succeeded = false
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            succeeded =
                tjDecompress2(
                    decoder, bytes, UInt(bytes.count), buffer.baseAddress, Int32(header.width),
                    Int32(header.width * channels), Int32(header.height), format.rawValue,
                    TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) == 0
            initialized = succeeded ? count : 0
        }
        guard succeeded else {
            let reason = tjGetErrorStr2(decoder).map { String(cString: $0) } ?? "unknown"
            throw .damaged(name: name, reason: reason)
        }
        return Image(
            width: header.width, height: header.height, channels: channels, pixels: pixels
        ).upright(orientation: header.orientation)
    }
}

/// The header of a JPEG file.
struct JPEGHeader {
    private(set) var width = 0
    private(set) var height = 0
    private(set) var components = 0
    /// EXIF orientation, 1 to 8; 1 is upright.
    private(set) var orientation = 1

    /// Reads the segments up to the frame header.
    ///
    /// - Parameters:
    ///   - bytes: the whole file, beginning with JPEG's start marker.
    ///   - name: the file's name in errors.
    /// - Throws: ``ImageError`` if there is no frame header, or its kind is not supported.
    init(_ bytes: [UInt8], name: String) throws(ImageError) {
        let missing = ImageError.damaged(name: name, reason: "its JPEG frame header is missing")
        var position = 2
        while true {
            guard position + 4 <= bytes.count, bytes[position] == 0xFF else { throw missing }
            let marker = bytes[position + 1]
            if marker == 0xFF {
                position += 1
                continue
            }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            let end = position + 2 + length
            guard length >= 2, end <= bytes.count else { throw missing }
            let body = bytes[position + 4..<end]
            switch marker {
            case 0xC4, 0xC8, 0xCC:
                break
            case 0xC0...0xCF:
                guard body.count >= 6 else { throw missing }
                try readFrame(Array(body), marker: marker, name: name)
                return
            case 0xE1:
                if let found = exifOrientation(Array(body)) { orientation = found }
            case 0xD8, 0xD9, 0xDA:
                throw missing
            default:
                break
            }
            position = end
        }
    }

    private mutating func readFrame(
        _ body: [UInt8], marker: UInt8, name: String
    ) throws(ImageError) {
        switch marker {
        case 0xC0, 0xC1, 0xC2: break
        case 0xC3: throw .unsupportedKind(name: name, kind: "a lossless JPEG")
        case 0xC9, 0xCA, 0xCB: throw .unsupportedKind(name: name, kind: "an arithmetic-coded JPEG")
        default: throw .unsupportedKind(name: name, kind: "a hierarchical JPEG")
        }
        guard body[0] == 8 else {
            throw .unsupportedKind(name: name, kind: "a JPEG of \(body[0]) bits")
        }
        height = Int(body[1]) << 8 | Int(body[2])
        width = Int(body[3]) << 8 | Int(body[4])
        components = Int(body[5])
        guard components == 1 || components == 3 else {
            let kind = components == 4 ? "a CMYK JPEG" : "a JPEG of \(components) components"
            throw .unsupportedKind(name: name, kind: kind)
        }
    }
}

/// Finds the orientation in the first directory of an EXIF segment.
///
/// - Parameter segment: the body of a JPEG's APP1 segment.
/// - Returns: 1 to 8, or nil if the segment has no orientation.
func exifOrientation(_ segment: [UInt8]) -> Int? {
    guard segment.count >= 14, segment.starts(with: Array("Exif\0\0".utf8)) else { return nil }
    let tiff = Array(segment[6...])
    let isLittleEndian: Bool
    switch (tiff[0], tiff[1]) {
    case (0x49, 0x49): isLittleEndian = true
    case (0x4D, 0x4D): isLittleEndian = false
    default: return nil
    }
    func number(at offset: Int, bytes count: Int) -> Int? {
        guard offset >= 0, offset + count <= tiff.count else { return nil }
        let bytes = tiff[offset..<offset + count]
        return (isLittleEndian ? bytes.reversed() : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let entries = number(at: directory, bytes: 2)
    else { return nil }
    for entry in 0..<entries {
        let offset = directory + 2 + 12 * entry
        guard let tag = number(at: offset, bytes: 2) else { return nil }
        if tag == 0x0112 {
            return number(at: offset + 8, bytes: 2).flatMap { (1...8).contains($0) ? $0 : nil }
        }
    }
    return nil
}

extension Image {
    /// Applies an EXIF orientation: rotates and mirrors the stored pixels.
    ///
    /// - Parameter orientation: EXIF's number, 1 to 8; 1 leaves the image unchanged.
    /// - Returns: the upright image; 5 to 8 exchange width and height.
    func upright(orientation: Int) -> Image {
        guard (2...8).contains(orientation) else { return self }
        let swapsAxes = orientation >= 5
        let mirrorsColumns = [2, 3, 7, 8].contains(orientation)
        let mirrorsRows = [3, 4, 6, 7].contains(orientation)
        let newWidth = swapsAxes ? height : width
        let newHeight = swapsAxes ? width : height
        var turned: [UInt8] = []
        turned.reserveCapacity(pixels.count)
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let (column, row) = swapsAxes ? (y, x) : (x, y)
                let sourceX = mirrorsColumns ? width - 1 - column : column
                let sourceY = mirrorsRows ? height - 1 - row : row
                let start = (sourceY * width + sourceX) * channels
                turned.append(contentsOf: pixels[start..<start + channels])
            }
        }
        return Image(width: newWidth, height: newHeight, channels: channels, pixels: turned)
    }
}
