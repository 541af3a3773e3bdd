/// A file's format, by its first bytes.
enum PictureFormat: Equatable {
    case png
    case jpeg
    /// Known by name only.
    case other(String)

    /// - Parameter bytes: the file's content.
    init?(_ bytes: [UInt8]) {
        func begins(_ magic: [UInt8], at offset: Int = 0) -> Bool {
            bytes.count >= offset + magic.count && bytes[offset...].starts(with: magic)
        }
        func begins(_ magic: String, at offset: Int = 0) -> Bool {
            begins(Array(magic.utf8), at: offset)
        }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if begins([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins("DICM", at: 128) {
            self = .other("DICOM")
        } else if begins("GIF87a") || begins("GIF89a") {
            self = .other("GIF")
        } else if begins("RIFF") && begins("WEBP", at: 8) {
            self = .other("WebP")
        } else if begins([0x49, 0x49, 42, 0]) || begins([0x4D, 0x4D, 0, 42])
            || begins([0x49, 0x49, 43, 0]) || begins([0x4D, 0x4D, 0, 43])
        {
            self = .other("TIFF")
        } else if begins([0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20]) || begins([0xFF, 0x4F, 0xFF, 0x51])
        {
            self = .other("JPEG 2000")
        } else if begins("ftypheic", at: 4) || begins("ftypmif1", at: 4) {
            self = .other("HEIC")
        } else if begins("ftypavif", at: 4) {
            self = .other("AVIF")
        } else if begins("%PDF") {
            self = .other("PDF")
        } else if begins("BM") && bytes.count >= 26 && begins([0, 0, 0, 0], at: 6) {
            self = .other("BMP")
        } else {
            return nil
        }
    }
}
