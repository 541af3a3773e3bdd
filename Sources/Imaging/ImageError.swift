/// Why a picture cannot be read or written.
///
/// `name` is the path, or what the caller called the bytes.
public enum ImageError: Error, Equatable, Sendable {
    case cannotRead(name: String, reason: String)
    case notARegularFile(name: String, kind: String)
    case empty(name: String)
    case notAPicture(name: String)
    case unsupportedFormat(name: String, format: String)
    case unsupportedKind(name: String, kind: String)
    case noPixels(name: String, width: Int, height: Int)
    case tooManyPixels(name: String, width: Int, height: Int, limit: Int)
    case tooManyBytes(name: String, bytes: Int, limit: Int)
    case moreThanTheFileHolds(name: String, width: Int, height: Int, bytes: Int)
    case fewGreys(name: String, largest: Int)
    case damaged(name: String, reason: String)
    case cannotWrite(name: String, reason: String)
}

extension ImageError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .cannotRead(let name, let reason):
            "'\(name)' cannot be read: \(reason)"
        case .notARegularFile(let name, let kind):
            "'\(name)' is \(kind); a PNG or JPEG file is needed"
        case .empty(let name):
            "'\(name)' is empty; a PNG or JPEG file is needed"
        case .notAPicture(let name):
            "'\(name)' is not a picture this program knows; a PNG or JPEG file is needed"
        case .unsupportedFormat(let name, let format):
            "'\(name)' is a \(format) file; PNG or JPEG is needed"
        case .unsupportedKind(let name, let kind):
            "'\(name)' is \(kind); a grey or RGB picture of 1 to 16 bits (PNG) or 8 bits (JPEG)"
                + " is needed"
        case .noPixels(let name, let width, let height):
            "'\(name)' says it is \(width)x\(height) pixels; at least 1x1 is needed"
        case .tooManyPixels(let name, let width, let height, let limit):
            "'\(name)' says it is \(width)x\(height) pixels; at most \(limit) pixels are read"
        case .tooManyBytes(let name, let bytes, let limit):
            "'\(name)' has \(bytes) bytes; at most \(limit) are read"
        case .moreThanTheFileHolds(let name, let width, let height, let bytes):
            "'\(name)' says it is \(width)x\(height) pixels, more than its \(bytes) bytes can hold"
        case .fewGreys(let name, let largest):
            "'\(name)' has 16 bits a sample, of which \(largest) is the largest of 65535: in 8 bits"
                + " only \(largest >> 8 + 1) greys would be left; stretch it to 0...65535 first"
        case .damaged(let name, let reason):
            "'\(name)' is damaged: \(reason)"
        case .cannotWrite(let name, let reason):
            "'\(name)' cannot be written: \(reason)"
        }
    }
}
