import CZlib

/// Decompresses a gzip file in parts, so that the caller bounds the memory.
final class Gunzip {
    static let magic: [UInt8] = [0x1F, 0x8B]
    /// Deflate's largest compression ratio.
    static let largestRatio = 1032

    private let source: UnsafeMutableBufferPointer<UInt8>
    private let name: String
    private var stream = z_stream()
    private var isDone = false

    /// - Parameters:
    ///   - bytes: the whole compressed file.
    ///   - name: the file's name in errors.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` if there is not enough memory.
    init(_ bytes: [UInt8], name: String) throws(NIfTIError) {
        source = .allocate(capacity: bytes.count)
        _ = source.initialize(from: bytes)
        self.name = name
        // A window of 15 bits; 16 stands for the header and checksum of gzip.
        let status = inflateInit2_(
            &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK, let count = UInt32(exactly: bytes.count) else {
            throw .damaged(name: name, reason: "it cannot be decompressed")
        }
        stream.next_in = source.baseAddress
        stream.avail_in = count
    }

    deinit {
        inflateEnd(&stream)
        source.deallocate()
    }

    /// Decompresses the next bytes.
    ///
    /// - Parameter count: number of bytes, below 4 GB.
    /// - Returns: the bytes; fewer only at the end of the file, where the checksum has been verified.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` with zlib's message.
    func read(_ count: Int) throws(NIfTIError) -> [UInt8] {
        guard let wanted = UInt32(exactly: count) else {
            throw .tooLarge(name: name, reason: "\(count) bytes cannot be decompressed at once")
        }
        var reason: String?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            stream.next_out = buffer.baseAddress
            stream.avail_out = wanted
            while stream.avail_out > 0 && !isDone && reason == nil {
                reason = step()
            }
            filled = count - Int(stream.avail_out)
        }
        if let reason { throw .damaged(name: name, reason: reason) }
        return bytes
    }

    /// - Returns: the reason of a failure, or nil.
    private func step() -> String? {
        switch inflate(&stream, Z_NO_FLUSH) {
        case Z_OK: return nil
        case Z_STREAM_END:
            // A gzip file may consist of several compressed members.
            if stream.avail_in > 0 {
                return inflateReset(&stream) == Z_OK ? nil : "it cannot be decompressed"
            }
            isDone = true
            return nil
        case Z_BUF_ERROR: return "it ends too early"
        default:
            return stream.msg.map { String(cString: $0) } ?? "it cannot be decompressed"
        }
    }
}
