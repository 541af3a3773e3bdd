extension Mask {
    /// Reads a mask from a picture file.
    ///
    /// In a PNG every pixel with a number other than zero is inside: black is outside, whatever the
    /// other labels are, also in 16 bits; alpha is ignored. JPEG blurs a mask, so there a pixel is
    /// inside when a channel is above 127.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: how large a picture is accepted.
    /// - Returns: a mask of the picture's size.
    /// - Throws: ``ImageError``, as ``Image/read(_:limits:)`` does.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Mask {
        try decode(RegularFile.read(path, limit: limits.bytes), name: path, limits: limits)
    }

    /// Decodes a mask from a picture file held in memory.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: what to call it in an error.
    ///   - limits: how large a picture is accepted.
    /// - Returns: a mask of the picture's size.
    /// - Throws: ``ImageError``, as ``Image/decode(_:name:limits:)`` does.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Mask {
        switch try PictureFormat.recognized(bytes, name: name, limits: limits) {
        case .png:
            return try PNGReader(bytes, name: name, limits: limits).mask()
        case .jpeg:
            let image = try JPEGReader(bytes, name: name, limits: limits).image()
            return Mask(
                width: image.width, height: image.height,
                anyOf: image.pixels.map { $0 > 127 ? 1 : 0 }, each: image.channels)
        case .other(let format):
            throw .unsupportedFormat(name: name, format: format)
        }
    }
}
