/// TensorFlow's record: length, its check, content, its check.
///
/// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
enum EventRecord {
    /// Frames one event.
    ///
    /// - Parameter content: an encoded event.
    /// - Returns: what the file gets.
    static func framed(_ content: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(content.count))
        return length + littleEndian(maskedCheck(length)) + content
            + littleEndian(maskedCheck(content))
    }

    private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// CRC-32C, turned and shifted, so that a check of data that hold checks is still one.
    private static func maskedCheck(_ bytes: [UInt8]) -> UInt32 {
        let check = crc32c(bytes)
        return (check >> 15 | check << 17) &+ 0xA282_EAD8
    }

    /// The CRC of Castagnoli's polynomial: `123456789` gives 0xE3069283.
    ///
    /// - Parameter bytes: what is checked.
    /// - Returns: the check, not masked.
    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { check, byte in
            check >> 8 ^ table[Int(UInt8(truncatingIfNeeded: check) ^ byte)]
        }
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1
        }
    }
}
