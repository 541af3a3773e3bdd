extension Image {
    /// Resizes with a filter of Pillow, widened when shrinking, in fixed point.
    ///
    /// Two passes, each rounded to 8 bits; weights have 22 fractional bits. The result equals
    /// Pillow 13 bit for bit. As in Pillow, rows are resized first if the image loses more than twice
    /// as many rows as columns. (Before version 13, columns were always first, so that some pixels of
    /// such images differ by one grey level.)
    ///
    /// - Parameters:
    ///   - size: the new size, at least 1x1.
    ///   - filter: `BILINEAR` or `BICUBIC`.
    /// - Returns: an image of the new size.
    public func resizedLikePillow(
        to size: Size, filter: ResamplingFilter = .bilinear
    ) -> Image {
        let rowsFirst = height > size.height && height - size.height > 2 * (width - size.width)
        return rowsFirst
            ? resampledRows(to: size.height, filter).resampledColumns(to: size.width, filter)
            : resampledColumns(to: size.width, filter).resampledRows(to: size.height, filter)
    }

    private func resampledColumns(to newWidth: Int, _ filter: ResamplingFilter) -> Image {
        if newWidth == width { return self }
        let weights = FixedPointWeights(from: width, to: newWidth, filter)
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

    private func resampledRows(to newHeight: Int, _ filter: ResamplingFilter) -> Image {
        if newHeight == height { return self }
        let weights = FixedPointWeights(from: height, to: newHeight, filter)
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

/// A filter of Pillow for resizing.
public enum ResamplingFilter: Sendable {
    /// A triangle.
    case bilinear
    /// Keys' cubic with a = -0.5.
    case bicubic

    /// Pixels on each side of the centre at which the filter is not zero.
    fileprivate var support: Double { self == .bilinear ? 1 : 2 }

    /// The filter's value at a distance from the centre.
    fileprivate func callAsFunction(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .bilinear: return max(0, 1 - x)
        case .bicubic:
            if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
            return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
        }
    }
}

/// For each output position, the first input position and the weights of it and its neighbours.
private struct FixedPointWeights {
    private static let fractionalBits: Int32 = 22
    static let half: Int32 = 1 << (fractionalBits - 1)

    private(set) var starts: [Int] = []
    private var offsets: [Int] = [0]
    private var taps: [Int32] = []

    init(from input: Int, to output: Int, _ filter: ResamplingFilter) {
        precondition(output > 0, "an image must have pixels")
        let scale = Double(input) / Double(output)
        let filterScale = max(scale, 1)
        let support = filter.support * filterScale
        for position in 0..<output {
            let center = (Double(position) + 0.5) * scale
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), input)
            let weights = (start..<end).map { index in
                filter((Double(index) - center + 0.5) * (1 / filterScale))
            }
            let total = weights.reduce(0, +)
            starts.append(start)
            taps += weights.map {
                Int32((($0 < 0 ? -0.5 : 0.5) + $0 / total * Double(1 << Self.fractionalBits)))
            }
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
        taking(
            rows: nearestIndices(from: height, to: size.height),
            columns: nearestIndices(from: width, to: size.width))
    }

    /// Resizes by taking the nearest pixel, as OpenCV's `INTER_NEAREST` does: output pixel i is
    /// input pixel `floor(i * scale)`.
    ///
    /// - Parameter size: the new size, at least 1x1.
    /// - Returns: an image of the new size.
    public func resizedNearestLikeOpenCV(to size: Size) -> Image {
        func indices(_ input: Int, _ output: Int) -> [Int] {
            let scale = 1 / (Double(output) / Double(input))
            return (0..<output).map { min(Int(Double($0) * scale), input - 1) }
        }
        return taking(
            rows: indices(height, size.height), columns: indices(width, size.width))
    }

    /// The image of some rows and columns.
    private func taking(rows: [Int], columns: [Int]) -> Image {
        let size = Size(height: rows.count, width: columns.count)
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

extension Image {
    /// The image with its channels in reverse order: BGR for RGB.
    public func reversingChannels() -> Image {
        let reversed = pixels.indices.map { index in
            let channel = index % channels
            return pixels[index - channel + channels - 1 - channel]
        }
        return Image(width: width, height: height, channels: channels, pixels: reversed)
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
