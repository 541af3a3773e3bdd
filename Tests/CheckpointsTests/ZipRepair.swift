/// Writes correct checksums into a damaged archive, so that the damage is not detected by them.
enum ZipRepair {
    static func updateChecksums(of bytes: inout [UInt8]) {
        var position = 0
        while position + 46 <= bytes.count {
            guard bytes[position...].starts(with: [0x50, 0x4B, 0x01, 0x02]) else {
                position += 1
                continue
            }
            let header = integer(bytes, position + 42, 4)
            let size = integer(bytes, position + 24, 4)
            if header + 30 <= bytes.count {
                let start =
                    header + 30 + integer(bytes, header + 26, 2) + integer(bytes, header + 28, 2)
                if start + size <= bytes.count {
                    let checksum = crc32(bytes[start..<start + size])
                    for index in 0..<4 {
                        bytes[position + 16 + index] = UInt8(
                            truncatingIfNeeded: checksum >> (8 * UInt32(index)))
                    }
                }
            }
            position += 46
        }
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ ($0 >> 8) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
        }
    }
}
