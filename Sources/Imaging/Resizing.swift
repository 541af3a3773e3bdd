extension Image {
    /// Resizes with Pillow's `BILINEAR`: a triangle filter, widened when shrinking, in fixed point.
    ///
    /// Two passes, each rounded to 8 bits; weights have 22 fractional bits. The result equals
    /// Pillow 13 bit for bit. As in Pillow, rows are resized first if the image loses more than twice
    /// as many rows as columns. (Before version 13, columns were always first, so that some pixels of
    /// such images differ by one grey level.)
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: an image of the new size.
    public func resizedLikePillow(to size: Size) -> Image {
        let rowsFirst = height > size.height && height - size.height > 2 * (width - size.width)
        return rowsFirst
            ? resampledRows(to: size.height).resampledColumns(to: size.width)
            : resampledColumns(to: size.width).resampledRows(to: size.height)
    }

    private func resampledColumns(to newWidth: Int) -> Image {
        if newWidth == width { return self }
        let weights = FixedPointWeights(from: width, to: newWidth)
        let count = newWidth * height * channels
        let resized = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for x in 0..<newWidth {
                    weights.withTaps(of: x) { start, taps in
                        for y in 0..<height {
                            for channel in 0..<channels {
                                var sum = FixedPointWeights.half
                                var from = (y * width + start) * channels + channel
                                for tap in taps {
                                    sum &+= Int32(source[from]) &* tap
                                    from &+= channels
                                }
                                target[(y * newWidth + x) * channels + channel] =
                                    FixedPointWeights.rounded(sum)
                            }
                        }
                    }
                }
            }
            initialized = count
        }
        return Image(width: newWidth, height: height, channels: channels, pixels: resized)
    }

    private func resampledRows(to newHeight: Int) -> Image {
        if newHeight == height { return self }
        let weights = FixedPointWeights(from: height, to: newHeight)
        let row = width * channels
        var sums = [Int32](repeating: 0, count: row)
        let resized = [UInt8](unsafeUninitializedCapacity: newHeight * row) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                sums.withUnsafeMutableBufferPointer { sums in
                    for y in 0..<newHeight {
                        sums.update(repeating: FixedPointWeights.half)
                        weights.withTaps(of: y) { start, taps in
                            for (k, tap) in taps.enumerated() {
                                let from = (start + k) * row
                                for i in 0..<row { sums[i] &+= Int32(source[from + i]) &* tap }
                            }
                        }
                        for i in 0..<row {
                            target[y * row + i] = FixedPointWeights.rounded(sums[i])
                        }
                    }
                }
            }
            initialized = newHeight * row
        }
        return Image(width: width, height: newHeight, channels: channels, pixels: resized)
    }
}

/// For each output position, the first input position and the weights of it and its neighbours.
private struct FixedPointWeights {
    private static let fractionalBits: Int32 = 22
    static let half: Int32 = 1 << (fractionalBits - 1)

    private(set) var starts: [Int] = []
    private var offsets: [Int] = [0]
    private var taps: [Int32] = []

    init(from input: Int, to output: Int) {
        precondition(output > 0, "an image must have pixels")
        let scale = Double(input) / Double(output)
        let filterScale = max(scale, 1)
        for position in 0..<output {
            let center = (Double(position) + 0.5) * scale
            let start = max(Int(center - filterScale + 0.5), 0)
            let end = min(Int(center + filterScale + 0.5), input)
            let weights = (start..<end).map { index in
                max(0, 1 - abs((Double(index) - center + 0.5) * (1 / filterScale)))
            }
            let total = weights.reduce(0, +)
            starts.append(start)
            taps += weights.map { Int32(0.5 + $0 / total * Double(1 << Self.fractionalBits)) }
            offsets.append(taps.count)
        }
    }

    func withTaps(of position: Int, _ body: (Int, UnsafeBufferPointer<Int32>) -> Void) {
        taps.withUnsafeBufferPointer {
            body(starts[position], .init(rebasing: $0[offsets[position]..<offsets[position + 1]]))
        }
    }

    static func rounded(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: min(max(sum >> fractionalBits, 0), 255))
    }
}

extension Image {
    /// Resizes by taking the nearest pixel, exactly as Pillow's `NEAREST` does.
    ///
    /// Output pixel i is input pixel `floor((i + 0.5) * scale)`. OpenCV's `INTER_NEAREST_EXACT` and
    /// PyTorch's `nearest-exact` do the same. OpenCV's `INTER_NEAREST` and PyTorch's `nearest` do
    /// *not*: they use `floor(i * scale)`, half a pixel to the top left.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: an image of the new size.
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
    /// - Returns: a mask of the new size.
    public func resizedNearest(to size: Size) -> Mask {
        let image = Image(width: width, height: height, channels: 1, pixels: values)
        return Mask(
            width: size.width, height: size.height, values: image.resizedNearest(to: size).pixels)
    }
}

/// The input positions for all output positions.
///
/// Positions are accumulated step by step, as in Pillow: rounding errors matter where the exact
/// position is a whole number.
private func nearestIndices(from input: Int, to output: Int) -> [Int] {
    let scale = Double(input) / Double(output)
    var position = scale * 0.5
    return (0..<output).map { _ in
        defer { position += scale }
        return min(Int(position), input - 1)
    }
}

extension Image {
    /// The mean of blocks of pixels; a rest on the right and at the bottom is left out.
    ///
    /// - Parameter factor: side of a block, at least 1; blocks are not larger than the image.
    /// - Returns: a smaller image.
    public func reduced(by factor: Int) -> Image {
        let factor = Swift.min(factor, width, height)
        guard factor > 1 else { return self }
        let size = Size(height: height / factor, width: width / factor)
        let pixels = [UInt8](unsafeUninitializedCapacity: size.area * channels) {
            target, initialized in
            self.pixels.withUnsafeBufferPointer { source in
                let row = width * channels
                for y in 0..<size.height {
                    for x in 0..<size.width * channels {
                        let (column, channel) = x.quotientAndRemainder(dividingBy: channels)
                        var sum = factor * factor / 2
                        for v in 0..<factor {
                            let start =
                                (y * factor + v) * row + column * factor * channels + channel
                            for u in 0..<factor { sum += Int(source[start + u * channels]) }
                        }
                        target[y * size.width * channels + x] = UInt8(sum / (factor * factor))
                    }
                }
            }
            initialized = size.area * channels
        }
        return Image(
            width: size.width, height: size.height, channels: channels, pixels: pixels)
    }
}
