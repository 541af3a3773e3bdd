extension Image {
    /// Cuts out a rectangle.
    ///
    /// - Parameter box: columns and rows to keep; not empty, inside the picture.
    /// - Returns: a picture of the box's size.
    public func cropped(to box: PixelBox) -> Image {
        precondition(
            box.x0 >= 0 && box.y0 >= 0 && box.x1 <= width && box.y1 <= height,
            "a crop lies inside its picture")
        var kept: [UInt8] = []
        kept.reserveCapacity(box.width * box.height * channels)
        for y in box.y0..<box.y1 {
            let row = (y * width + box.x0) * channels
            kept.append(contentsOf: pixels[row..<row + box.width * channels])
        }
        return Image(width: box.width, height: box.height, channels: channels, pixels: kept)
    }

    /// Extends to the right and to the bottom.
    ///
    /// - Parameters:
    ///   - size: the new size, in neither direction smaller.
    ///   - value: what the new samples are.
    /// - Returns: a picture of that size with this one in its top left corner.
    public func padded(to size: Size, value: UInt8 = 0) -> Image {
        precondition(size.width >= width && size.height >= height, "padding does not cut")
        var extended: [UInt8] = []
        extended.reserveCapacity(size.area * channels)
        for y in 0..<height {
            extended.append(contentsOf: pixels[y * width * channels..<(y + 1) * width * channels])
            extended.append(
                contentsOf: repeatElement(value, count: (size.width - width) * channels))
        }
        extended.append(
            contentsOf: repeatElement(value, count: (size.height - height) * size.width * channels))
        return Image(
            width: size.width, height: size.height, channels: channels, pixels: extended)
    }
}
