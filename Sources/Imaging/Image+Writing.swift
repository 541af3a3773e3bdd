import CPng
import Files

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
