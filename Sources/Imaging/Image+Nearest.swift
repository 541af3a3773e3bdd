extension Image {
    /// Resizes by taking the nearest pixel, exactly as Pillow's `NEAREST` does.
    ///
    /// Output pixel i takes input pixel `floor((i + 0.5) * scale)`: also OpenCV's
    /// `INTER_NEAREST_EXACT` and PyTorch's `nearest-exact`, but *not* OpenCV's `INTER_NEAREST` or
    /// PyTorch's `nearest`, which take `floor(i * scale)`, half a pixel to the top left.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: a picture of that size.
    public func resizedNearest(to size: Size) -> Image {
        let columns = nearestIndices(from: width, to: size.width)
        let rows = nearestIndices(from: height, to: size.height)
        let count = size.area * channels
        let resized = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                var next = 0
                for row in rows {
                    let start = row * width
                    for column in columns {
                        let from = (start + column) * channels
                        for channel in 0..<channels {
                            target[next] = source[from + channel]
                            next += 1
                        }
                    }
                }
            }
            initialized = count
        }
        return Image(width: size.width, height: size.height, channels: channels, pixels: resized)
    }
}

extension Mask {
    /// Resizes by taking the nearest pixel, as ``Image/resizedNearest(to:)`` does.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: a mask of that size.
    public func resizedNearest(to size: Size) -> Mask {
        let image = Image(width: width, height: height, channels: 1, pixels: values)
        return Mask(
            width: size.width, height: size.height, values: image.resizedNearest(to: size).pixels)
    }
}

/// Positions are summed up step by step, as Pillow does: where a sum lands on a whole number, its
/// rounding decides.
private func nearestIndices(from input: Int, to output: Int) -> [Int] {
    let scale = Double(input) / Double(output)
    var position = scale * 0.5
    return (0..<output).map { _ in
        defer { position += scale }
        return min(Int(position), input - 1)
    }
}
