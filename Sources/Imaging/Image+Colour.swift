/// OpenCV's two ways from RGB to grey, at most one grey level apart.
public enum GreyRounding: Hashable, Sendable {
    /// As `imread(..., IMREAD_GRAYSCALE)` reads a PNG: `(9797 R + 19234 G + 3737 B) >> 15`.
    case reading
    /// As `cvtColor(..., COLOR_RGB2GRAY)`: `(9798 R + 19235 G + 3735 B + 2^14) >> 15`.
    case conversion
}

extension Image {
    /// Luma: 0.299 R + 0.587 G + 0.114 B, in OpenCV's fixed point.
    ///
    /// - Parameter rounding: which of OpenCV's ways; the golden preprocessing agrees with `reading`.
    /// - Returns: a picture of one channel; a grey one is returned as it is.
    public func grey(_ rounding: GreyRounding = .reading) -> Image {
        if channels == 1 { return self }
        let (redWeight, greenWeight, blueWeight, half): (UInt32, UInt32, UInt32, UInt32) =
            switch rounding {
            case .reading: (9797, 19234, 3737, 0)
            case .conversion: (9798, 19235, 3735, 1 << 14)
            }
        let count = width * height
        let grey = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for i in 0..<count {
                    let red = redWeight &* UInt32(source[3 * i])
                    let green = greenWeight &* UInt32(source[3 * i + 1])
                    let blue = blueWeight &* UInt32(source[3 * i + 2])
                    target[i] = UInt8(truncatingIfNeeded: (red &+ green &+ blue &+ half) >> 15)
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
