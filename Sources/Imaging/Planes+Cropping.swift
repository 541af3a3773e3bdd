extension Planes {
    /// Keeps the top left corner.
    ///
    /// - Parameter size: rows and columns to keep; in neither direction larger.
    /// - Returns: planes of that size.
    public func cropped(to size: Size) -> Planes {
        precondition(size.width <= width && size.height <= height, "cropping does not extend")
        var kept: [Float] = []
        kept.reserveCapacity(channels * size.area)
        for channel in 0..<channels {
            for y in 0..<size.height {
                let row = (channel * height + y) * width
                kept.append(contentsOf: values[row..<row + size.width])
            }
        }
        return Planes(channels: channels, height: size.height, width: size.width, values: kept)
    }

    /// Extends to the right and to the bottom.
    ///
    /// - Parameters:
    ///   - size: the new size, in neither direction smaller.
    ///   - value: what the new numbers are.
    /// - Returns: planes of that size with these in the top left corner.
    public func padded(to size: Size, value: Float = 0) -> Planes {
        precondition(size.width >= width && size.height >= height, "padding does not cut")
        var extended: [Float] = []
        extended.reserveCapacity(channels * size.area)
        for channel in 0..<channels {
            for y in 0..<height {
                let row = (channel * height + y) * width
                extended.append(contentsOf: values[row..<row + width])
                extended.append(contentsOf: repeatElement(value, count: size.width - width))
            }
            extended.append(
                contentsOf: repeatElement(value, count: (size.height - height) * size.width))
        }
        return Planes(channels: channels, height: size.height, width: size.width, values: extended)
    }
}
