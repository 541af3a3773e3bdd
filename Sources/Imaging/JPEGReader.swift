import CTurboJPEG

/// A JPEG file whose header has been read and found acceptable.
struct JPEGReader {
    private let header: JPEGHeader
    private let bytes: [UInt8]
    private let name: String

    /// A block of 8x8 pixels takes at least one bit (in the first scan of a progressive file).
    private static let largestPixelsPerByte = 512

    /// - Parameters:
    ///   - bytes: the whole file, beginning with JPEG's start marker.
    ///   - name: what to call it in an error.
    ///   - limits: how large a picture is accepted.
    /// - Throws: when the header is not one that is read, or asks for too much.
    init(_ bytes: [UInt8], name: String, limits: ImageLimits) throws(ImageError) {
        header = try JPEGHeader(bytes, name: name)
        try limits.check(
            width: header.width, height: header.height, bytes: bytes.count,
            largest: bytes.count * Self.largestPixelsPerByte, name: name)
        self.bytes = bytes
        self.name = name
    }

    /// - Returns: the upright picture.
    /// - Throws: ``ImageError/damaged(name:reason:)`` with libjpeg-turbo's words, also where it
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
