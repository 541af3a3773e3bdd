import CZlib

/// A gzip file unpacked piece by piece: no more than is asked for, however much is packed in it.
final class Gunzip {
    static let magic: [UInt8] = [0x1F, 0x8B]
    /// Deflate cannot shrink data more than this.
    static let largestRatio = 1032

    private let source: UnsafeMutableBufferPointer<UInt8>
    private let name: String
    private var stream = z_stream()
    private var isDone = false

    /// - Parameters:
    ///   - bytes: the whole packed file.
    ///   - name: what to call it in an error.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` when memory is short.
    init(_ bytes: [UInt8], name: String) throws(NIfTIError) {
        source = .allocate(capacity: bytes.count)
        _ = source.initialize(from: bytes)
        self.name = name
        // 15 bits of window, and 16 for gzip's header and checksum.
        let status = inflateInit2_(
            &stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK, let count = UInt32(exactly: bytes.count) else {
            throw .damaged(name: name, reason: "it cannot be unpacked")
        }
        stream.next_in = source.baseAddress
        stream.avail_in = count
    }

    deinit {
        inflateEnd(&stream)
        source.deallocate()
    }

    /// Unpacks the next bytes.
    ///
    /// - Parameter count: how many, below 4 GB.
    /// - Returns: fewer only at the end of the file, whose checksums are then found right.
    /// - Throws: ``NIfTIError/damaged(name:reason:)`` with zlib's words.
    func read(_ count: Int) throws(NIfTIError) -> [UInt8] {
        guard let wanted = UInt32(exactly: count) else {
            throw .tooLarge(name: name, reason: "\(count) bytes are not unpacked at once")
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

    /// - Returns: what is wrong, or nil.
    private func step() -> String? {
        switch inflate(&stream, Z_NO_FLUSH) {
        case Z_OK: return nil
        case Z_STREAM_END:
            // A gzip file may hold several packed pieces, one after the other.
            if stream.avail_in > 0 {
                return inflateReset(&stream) == Z_OK ? nil : "it cannot be unpacked"
            }
            isDone = true
            return nil
        case Z_BUF_ERROR: return "it ends too early"
        default:
            return stream.msg.map { String(cString: $0) } ?? "it cannot be unpacked"
        }
    }
}
