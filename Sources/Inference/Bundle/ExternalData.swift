import Foundation

/// Whether an ONNX file names data in other files, looked for while it is read.
///
/// A tensor says so by an entry `location` (TensorProto.external_data): a key of 8 bytes with its
/// length before it, or with a 0, where somebody writes the length in more bytes than it needs.
struct ExternalData {
    private static let key = Array("location".utf8)

    /// Whether it was met.
    private(set) var isNamed = false
    /// The end of the piece before, where a key may begin.
    private var rest: [UInt8] = []

    /// Looks at the next piece.
    mutating func look(at piece: [UInt8]) {
        guard !isNamed, !piece.isEmpty else { return }
        isNamed = Self.names(rest + piece.prefix(Self.key.count)) || Self.names(piece)
        rest = Array((rest + piece.suffix(Self.key.count)).suffix(Self.key.count))
    }

    private static func names(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return false }
            var place = 0
            while place < bytes.count,
                let found = memchr(start + place, Int32(key[0]), bytes.count - place)
            {
                let index = UnsafeRawPointer(found) - start
                if index > 0, [0, 8].contains(bytes[index - 1]),
                    bytes.count - index >= key.count, memcmp(found, key, key.count) == 0
                {
                    return true
                }
                place = index + 1
            }
            return false
        }
    }
}
