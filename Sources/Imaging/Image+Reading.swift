extension Image {
    /// Reads a PNG or JPEG file.
    ///
    /// Symbolic links are followed to regular files; folders, devices and pipes are refused.
    /// See ``decode(_:name:limits:)`` for which pixels come out.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: how large a picture is accepted.
    /// - Returns: the picture, of one channel when the file is grey, else of three.
    /// - Throws: ``ImageError``; a truncated or damaged file throws and never gives half a picture.
    public static func read(
        _ path: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        try decode(RegularFile.read(path, limit: limits.bytes), name: path, limits: limits)
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
    ///   - limits: how large a picture is accepted.
    /// - Returns: the picture, of one channel when the file is grey, else of three.
    /// - Throws: ``ImageError``; a truncated or damaged file throws and never gives half a picture.
    public static func decode(
        _ bytes: [UInt8], name: String, limits: ImageLimits = .standard
    ) throws(ImageError) -> Image {
        switch try PictureFormat.recognized(bytes, name: name, limits: limits) {
        case .png:
            try PNGReader(bytes, name: name, limits: limits).image()
        case .jpeg:
            try JPEGReader(bytes, name: name, limits: limits).image()
        case .other(let format):
            throw .unsupportedFormat(name: name, format: format)
        }
    }
}

extension PictureFormat {
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - name: what to call it in an error.
    ///   - limits: how large a picture is accepted.
    /// - Returns: the format.
    /// - Throws: ``ImageError/notAPicture(name:)`` when the first bytes say nothing.
    static func recognized(
        _ bytes: [UInt8], name: String, limits: ImageLimits
    ) throws(ImageError) -> PictureFormat {
        if bytes.isEmpty { throw .empty(name: name) }
        if bytes.count > limits.bytes {
            throw .tooManyBytes(name: name, bytes: bytes.count, limit: limits.bytes)
        }
        guard let format = PictureFormat(bytes) else { throw .notAPicture(name: name) }
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
