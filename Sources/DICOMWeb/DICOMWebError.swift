/// Why a DICOMweb server cannot be used, or what it answered.
public enum DICOMWebError: Error, Equatable, Sendable {
    /// The address is no usable URL; the reason says why.
    case badAddress(String, reason: String)
    /// No connection, a failed check of the certificate, or a timeout.
    case unreachable(String, reason: String)
    /// The credentials are missing or wrong (401, 403).
    case refused(status: Int)
    /// Another status than success.
    case status(Int, what: String, detail: String)
    /// An answer that is not what the standard says.
    case badAnswer(String)
    /// An answer with more bytes than are read.
    case tooLarge(limit: Int)
    /// A file that cannot be sent.
    case cannotRead(String, reason: String)

    /// Whether trying again later may help.
    public var isTemporary: Bool {
        switch self {
        case .unreachable: true
        case .status(let status, _, _):
            status == 429 || status == 502 || status == 503 || status == 504
        default: false
        }
    }
}

extension DICOMWebError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .badAddress(let address, let reason):
            "'\(address)' is not the address of a DICOMweb server: \(reason)"
        case .unreachable(let host, let reason): "'\(host)' cannot be reached: \(reason)"
        case .refused(let status):
            "the server refuses access (\(status)): set SAMUS_PACS_TOKEN, or SAMUS_PACS_USER and "
                + "SAMUS_PACS_PASSWORD"
        case .status(let status, let what, let detail):
            "the server answers \(status) to \(what)" + (detail.isEmpty ? "" : ": \(detail)")
        case .badAnswer(let reason): "the server's answer cannot be used: \(reason)"
        case .tooLarge(let limit):
            "the server's answer has more than \(limit >> 20) MB (--max-size)"
        case .cannotRead(let path, let reason): "'\(path)' cannot be read: \(reason)"
        }
    }
}
