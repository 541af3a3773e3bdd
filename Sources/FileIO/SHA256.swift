import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that arrive in pieces, computed by the system's libcrypto.
public struct SHA256: Sendable {
    private var context = SHA256_CTX()

    /// Starts with no bytes.
    public init() {
        SHA256_Init(&context)
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        SHA256_Update(&context, bytes.baseAddress, bytes.count)
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the message.
    public mutating func update(_ bytes: [UInt8]) {
        SHA256_Update(&context, bytes, bytes.count)
    }

    /// The digest of all bytes so far, as 64 hexadecimal digits.
    public var hexDigest: String {
        var finished = context
        let digest = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            SHA256_Final(buffer.baseAddress, &finished)
            count = 32
        }
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The digest of some bytes.
    ///
    /// - Parameter bytes: the whole message.
    /// - Returns: 64 hexadecimal digits.
    public static func hexDigest(of bytes: [UInt8]) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.hexDigest
    }
}
