import Crypto

/// SHA-256 of bytes that come in pieces.
public struct ContentHash: Sendable {
    private var hash = SHA256()

    /// Of no bytes yet.
    public init() {}

    /// Adds bytes.
    ///
    /// - Parameter bytes: what comes next.
    public mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    /// Adds bytes.
    ///
    /// - Parameter bytes: what comes next.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        hash.update(bufferPointer: bytes)
    }

    /// The hash of what was added until now, 64 hexadecimal digits.
    public var text: String {
        hash.finalize().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
