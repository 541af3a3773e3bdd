/// Finds the orientation in the first directory of an EXIF segment.
///
/// - Parameter segment: the body of a JPEG's APP1 segment.
/// - Returns: 1 to 8, or nil when the segment does not say.
func exifOrientation(_ segment: [UInt8]) -> Int? {
    guard segment.count >= 14, segment.starts(with: Array("Exif\0\0".utf8)) else { return nil }
    let tiff = Array(segment[6...])
    let isLittleEndian: Bool
    switch (tiff[0], tiff[1]) {
    case (0x49, 0x49): isLittleEndian = true
    case (0x4D, 0x4D): isLittleEndian = false
    default: return nil
    }
    func number(at offset: Int, bytes count: Int) -> Int? {
        guard offset >= 0, offset + count <= tiff.count else { return nil }
        let bytes = tiff[offset..<offset + count]
        return (isLittleEndian ? bytes.reversed() : Array(bytes)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let entries = number(at: directory, bytes: 2)
    else { return nil }
    for entry in 0..<entries {
        let offset = directory + 2 + 12 * entry
        guard let tag = number(at: offset, bytes: 2) else { return nil }
        if tag == 0x0112 {
            return number(at: offset + 8, bytes: 2).flatMap { (1...8).contains($0) ? $0 : nil }
        }
    }
    return nil
}

extension Image {
    /// Turns and mirrors stored pixels upright.
    ///
    /// - Parameter orientation: EXIF's number, 1 to 8; 1 leaves the picture as it is.
    /// - Returns: the upright picture; 5 to 8 exchange width and height.
    func upright(orientation: Int) -> Image {
        guard (2...8).contains(orientation) else { return self }
        let swapsAxes = orientation >= 5
        let mirrorsColumns = [2, 3, 7, 8].contains(orientation)
        let mirrorsRows = [3, 4, 6, 7].contains(orientation)
        let newWidth = swapsAxes ? height : width
        let newHeight = swapsAxes ? width : height
        var turned: [UInt8] = []
        turned.reserveCapacity(pixels.count)
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let (column, row) = swapsAxes ? (y, x) : (x, y)
                let sourceX = mirrorsColumns ? width - 1 - column : column
                let sourceY = mirrorsRows ? height - 1 - row : row
                let start = (sourceY * width + sourceX) * channels
                turned.append(contentsOf: pixels[start..<start + channels])
            }
        }
        return Image(width: newWidth, height: newHeight, channels: channels, pixels: turned)
    }
}
