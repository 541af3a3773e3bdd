import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that arrive in pieces, computed by the system's libcrypto.
public struct SHA256: Sendable {
    private var state = State()

    /// Starts with no bytes.
    public init() {}

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if !isKnownUniquelyReferenced(&state) { state = State(copying: state) }
        state.update(bytes)
    }

    /// Appends bytes.
    ///
    /// - Parameter bytes: the next bytes of the message.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of all bytes so far, as 64 hexadecimal digits.
    public var hexDigest: String {
        State(copying: state).finish().map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
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

    /// A libcrypto context. It is written only while it has one owner.
    private final class State: @unchecked Sendable {
        private let context: OpaquePointer

        init() {
            context = Self.makeContext()
            require(EVP_DigestInit_ex(context, EVP_sha256(), nil))
        }

        init(copying other: State) {
            context = Self.makeContext()
            require(EVP_MD_CTX_copy_ex(context, other.context))
        }

        deinit {
            EVP_MD_CTX_free(context)
        }

        func update(_ bytes: UnsafeRawBufferPointer) {
            require(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count))
        }

        func finish() -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
                require(EVP_DigestFinal_ex(context, buffer.baseAddress, nil))
                count = 32
            }
        }

        private static func makeContext() -> OpaquePointer {
            guard let context = EVP_MD_CTX_new() else { fatalError("libcrypto: out of memory") }
            return context
        }

        /// A digest in memory fails only when memory is exhausted.
        private func require(_ status: Int32) {
            precondition(status == 1, "libcrypto: SHA-256 failed")
        }
    }
}
