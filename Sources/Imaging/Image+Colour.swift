extension Image {
    /// Luma, rounded as OpenCV's `cvtColor(..., COLOR_RGB2GRAY)` rounds it.
    ///
    /// `(9798 R + 19235 G + 3735 B + 2^14) >> 15`: the weights 0.299, 0.587 and 0.114 in 15 bits.
    ///
    /// - Returns: a picture of one channel; a grey one is returned as it is.
    public func grey() -> Image {
        if channels == 1 { return self }
        let count = width * height
        let grey = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    let red = UInt32(source[3 * i])
                    let green = UInt32(source[3 * i + 1])
                    let blue = UInt32(source[3 * i + 2])
                    let luma = (9798 &* red &+ 19235 &* green &+ 3735 &* blue &+ 16384) >> 15
                    target[i] = UInt8(truncatingIfNeeded: luma)
                }
            }
            initialized = count
        }
        return Image(width: width, height: height, channels: 1, pixels: grey)
    }

    /// Three channels: grey is repeated.
    ///
    /// - Returns: a picture of three channels; one of three is returned as it is.
    public func rgb() -> Image {
        if channels == 3 { return self }
        let count = width * height
        let colour = [UInt8](unsafeUninitializedCapacity: 3 * count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    target[3 * i] = source[i]
                    target[3 * i + 1] = source[i]
                    target[3 * i + 2] = source[i]
                }
            }
            initialized = 3 * count
        }
        return Image(width: width, height: height, channels: 3, pixels: colour)
    }
}
