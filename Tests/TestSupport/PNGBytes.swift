/// PNG files of kinds that the package reads and does not write.
public enum PNGBytes {
    /// A palette file of 8 bits.
    ///
    /// - Parameters:
    ///   - width: columns.
    ///   - indices: of the pixels, row-major.
    ///   - colours: red, green and blue of each index.
    /// - Returns: the file's content.
    public static func palette(width: Int, indices: [UInt8], colours: [[UInt8]]) -> [UInt8] {
        file(
            width: width, rows: rows(indices, bytes: width), bitDepth: 8, colourType: 3,
            palette: colours.flatMap(\.self))
    }

    /// A grey file of 16 bits.
    ///
    /// - Parameters:
    ///   - width: columns.
    ///   - values: of the pixels, row-major.
    /// - Returns: the file's content.
    public static func grey16(width: Int, values: [UInt16]) -> [UInt8] {
        let bytes = values.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        return file(
            width: width, rows: rows(bytes, bytes: 2 * width), bitDepth: 16, colourType: 0)
    }

    /// Rows without a filter.
    private static func rows(_ bytes: [UInt8], bytes count: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: count).map { [0] + bytes[$0..<$0 + count] }
    }

    private static func file(
        width: Int, rows: [[UInt8]], bitDepth: UInt8, colourType: UInt8, palette: [UInt8] = []
    ) -> [UInt8] {
        let header = word(width) + word(rows.count) + [bitDepth, colourType, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
            + (palette.isEmpty ? [] : chunk("PLTE", palette))
            + chunk("IDAT", zlib(rows.flatMap(\.self))) + chunk("IEND", [])
    }

    /// One stored block of deflate, of at most 65535 bytes.
    private static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        let (low, high) = (UInt8(bytes.count & 255), UInt8(bytes.count >> 8))
        var (a, b) = (1, 0)
        for byte in bytes {
            a = (a + Int(byte)) % 65521
            b = (b + a) % 65521
        }
        return [0x78, 1, 1, low, high, ~low, ~high] + bytes + word(b << 16 | a)
    }

    private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
        let checked = Array(kind.utf8) + body
        var crc: UInt32 = .max
        for byte in checked {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
        }
        return word(body.count) + checked + word(Int(~crc))
    }

    private static func word(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(value >> $0 & 255) }
    }
}
