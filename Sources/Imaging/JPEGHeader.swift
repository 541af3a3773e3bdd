/// What a JPEG file says of itself before its pixels.
struct JPEGHeader {
    private(set) var width = 0
    private(set) var height = 0
    private(set) var components = 0
    /// EXIF orientation, 1 to 8; 1 is upright.
    private(set) var orientation = 1

    /// Walks the segments up to the frame header.
    ///
    /// - Parameters:
    ///   - bytes: the whole file, beginning with JPEG's start marker.
    ///   - name: what to call it in an error.
    /// - Throws: when there is no frame header, or one of a kind that is not read.
    init(_ bytes: [UInt8], name: String) throws(ImageError) {
        let missing = ImageError.damaged(name: name, reason: "its JPEG frame header is missing")
        var position = 2
        while true {
            guard position + 4 <= bytes.count, bytes[position] == 0xFF else { throw missing }
            let marker = bytes[position + 1]
            if marker == 0xFF {
                position += 1
                continue
            }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            let end = position + 2 + length
            guard length >= 2, end <= bytes.count else { throw missing }
            let body = bytes[position + 4..<end]
            switch marker {
            case 0xC4, 0xC8, 0xCC:
                break
            case 0xC0...0xCF:
                guard body.count >= 6 else { throw missing }
                try readFrame(Array(body), marker: marker, name: name)
                return
            case 0xE1:
                if let found = exifOrientation(Array(body)) { orientation = found }
            case 0xD8, 0xD9, 0xDA:
                throw missing
            default:
                break
            }
            position = end
        }
    }

    private mutating func readFrame(
        _ body: [UInt8], marker: UInt8, name: String
    ) throws(ImageError) {
        switch marker {
        case 0xC0, 0xC1, 0xC2: break
        case 0xC3: throw .unsupportedKind(name: name, kind: "a lossless JPEG")
        case 0xC9, 0xCA, 0xCB: throw .unsupportedKind(name: name, kind: "an arithmetic-coded JPEG")
        default: throw .unsupportedKind(name: name, kind: "a hierarchical JPEG")
        }
        guard body[0] == 8 else {
            throw .unsupportedKind(name: name, kind: "a JPEG of \(body[0]) bits")
        }
        height = Int(body[1]) << 8 | Int(body[2])
        width = Int(body[3]) << 8 | Int(body[4])
        components = Int(body[5])
        guard components == 1 || components == 3 else {
            let kind = components == 4 ? "a CMYK JPEG" : "a JPEG of \(components) components"
            throw .unsupportedKind(name: name, kind: kind)
        }
    }
}
