import Foundation

/// Floating-point channels of an image's size, channel first: `[C, H, W]`.
public struct Planes: Equatable, Sendable {
    /// Number of planes, at least 1.
    public let channels: Int
    /// Rows, at least 1.
    public let height: Int
    /// Columns, at least 1.
    public let width: Int
    /// `values[(c * height + y) * width + x]`.
    public var values: [Float] {
        didSet {
            precondition(
                values.count == channels * height * width, "the number of values cannot change")
        }
    }

    /// - Parameters:
    ///   - channels: number of planes, at least 1.
    ///   - height: rows, at least 1.
    ///   - width: columns, at least 1.
    ///   - values: `channels * height * width` numbers, plane after plane, row-major.
    public init(channels: Int, height: Int, width: Int, values: [Float]) {
        precondition(channels > 0 && height > 0 && width > 0, "planes must have pixels")
        precondition(
            values.count == channels * height * width, "the number of values must fit the shape")
        self.channels = channels
        self.height = height
        self.width = width
        self.values = values
    }

    /// Rows and columns.
    public var size: Size { Size(height: height, width: width) }

    /// Maps the smallest value to 0 and the largest to 1, over all channels together.
    ///
    /// `(x - min) / max(max - min, 1e-8)`, in this order, as LiteMedSAM preprocesses its input; if
    /// all values are equal, they become 0.
    ///
    /// - Returns: planes of the same shape.
    public func minMaxNormalized() -> Planes {
        var smallest = values[0]
        var largest = values[0]
        for value in values {
            smallest = Swift.min(smallest, value)
            largest = Swift.max(largest, value)
        }
        let range = Swift.max(largest - smallest, 1e-8)
        return Planes(
            channels: channels, height: height, width: width,
            values: values.map { ($0 - smallest) / range })
    }
}

extension Image {
    /// The samples as floating-point numbers from 0 to 255, channel first.
    ///
    /// - Returns: one plane per channel of the image.
    public func planes() -> Planes {
        let count = width * height
        let values = [Float](unsafeUninitializedCapacity: count * channels) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                for channel in 0..<channels {
                    for i in 0..<count {
                        target[channel * count + i] = Float(source[i * channels + channel])
                    }
                }
            }
            initialized = count * channels
        }
        return Planes(channels: channels, height: height, width: width, values: values)
    }
}

extension Image {
    /// The samples as floating-point numbers, resized: `planes().resizedLikeTorch(to:antialias:)`
    /// without the memory for all samples as numbers.
    ///
    /// - Parameters:
    ///   - size: the new size, at least 1x1.
    ///   - antialias: whether shrinking averages over all covered pixels.
    /// - Returns: one plane per channel of the image.
    public func planes(resizedTo size: Size, antialias: Bool) -> Planes {
        guard size.width != width else {
            return planes().resizedLikeTorch(to: size, antialias: antialias)
        }
        let weights = FloatWeights(from: width, to: size.width, antialias: antialias)
        let count = channels * height * size.width
        let resized = [Float](unsafeUninitializedCapacity: count) { target, initialized in
            pixels.withUnsafeBufferPointer { source in
                let row = width * channels
                for channel in 0..<channels {
                    for y in 0..<height {
                        let to = (channel * height + y) * size.width
                        let from = y * row + channel
                        // Masks consist of many equal rows, which have the same sums.
                        if y > 0, let pixels = source.baseAddress, let sums = target.baseAddress,
                            memcmp(pixels + y * row, pixels + (y - 1) * row, row) == 0
                        {
                            (sums + to).update(from: sums + to - size.width, count: size.width)
                            continue
                        }
                        weights.forEachSum(of: { Float(source[from + $0 * channels]) }) { x, sum in
                            target[to + x] = sum
                        }
                    }
                }
            }
            initialized = count
        }
        return Planes(channels: channels, height: height, width: size.width, values: resized)
            .resizedLikeTorch(to: size, antialias: antialias)
    }
}

extension Mask {
    /// The pixels above 0 of a plane that is resized with `resizedLikeTorch(to:antialias: false)`.
    ///
    /// Between two values that are not above 0, no interpolated value is: only the rest is computed,
    /// and no resized plane is stored. The mask is the same, pixel for pixel.
    ///
    /// - Parameters:
    ///   - plane: one channel, such as logits.
    ///   - size: the mask's size.
    public init(positivePartOf plane: Planes, resizedTo size: Size) {
        precondition(plane.channels == 1, "the planes must have one channel")
        let columns = plane.resizedLikeTorch(
            to: Size(height: plane.height, width: size.width), antialias: false)
        let weights = FloatWeights(from: plane.height, to: size.height, antialias: false)
        var values = [UInt8](repeating: 0, count: size.area)
        columns.values.withUnsafeBufferPointer { source in
            // The columns between the first and the last positive value of each row.
            let positive = (0..<plane.height).map { row -> Range<Int>? in
                let row = source[row * size.width..<(row + 1) * size.width]
                guard let first = row.firstIndex(where: { $0 > 0 }),
                    let last = row.lastIndex(where: { $0 > 0 })
                else { return nil }
                return first - row.startIndex..<last - row.startIndex + 1
            }
            values.withUnsafeMutableBufferPointer { values in
                for y in 0..<size.height {
                    weights.withTaps(of: y) { start, taps in
                        let ranges = positive[start..<start + taps.count].compactMap(\.self)
                        guard let first = ranges.map(\.lowerBound).min(),
                            let end = ranges.map(\.upperBound).max()
                        else { return }
                        let to = y * size.width
                        let from = start * size.width
                        if taps.count == 1 {
                            for x in first..<end {
                                values[to + x] = source[from + x] * taps[0] > 0 ? 1 : 0
                            }
                        } else {
                            for x in first..<end {
                                let value =
                                    source[from + x] * taps[0]
                                    + source[from + size.width + x] * taps[1]
                                values[to + x] = value > 0 ? 1 : 0
                            }
                        }
                    }
                }
            }
        }
        self.init(size: size, zerosAndOnes: values)
    }
}

extension Planes {
    /// Resizes as PyTorch's `F.interpolate(mode="bilinear", align_corners=False)` does.
    ///
    /// - Parameters:
    ///   - size: the new size, at least 1x1.
    ///   - antialias: whether shrinking averages over all covered pixels, as `antialias=True`;
    ///     otherwise, two neighbours in each direction are used.
    /// - Returns: planes of the new size.
    public func resizedLikeTorch(to size: Size, antialias: Bool) -> Planes {
        var result = self
        if size.width != width {
            result = result.resampledColumns(
                FloatWeights(from: width, to: size.width, antialias: antialias))
        }
        if size.height != height {
            result = result.resampledRows(
                FloatWeights(from: height, to: size.height, antialias: antialias))
        }
        return result
    }

    private func resampledColumns(_ weights: FloatWeights) -> Planes {
        let newWidth = weights.starts.count
        let rows = channels * height
        let resized = [Float](unsafeUninitializedCapacity: rows * newWidth) { target, initialized in
            values.withUnsafeBufferPointer { source in
                for row in 0..<rows {
                    weights.forEachSum(of: { source[row * width + $0] }) { x, sum in
                        target[row * newWidth + x] = sum
                    }
                }
            }
            initialized = rows * newWidth
        }
        return Planes(channels: channels, height: height, width: newWidth, values: resized)
    }

    private func resampledRows(_ weights: FloatWeights) -> Planes {
        let newHeight = weights.starts.count
        var resized = [Float](repeating: 0, count: channels * newHeight * width)
        resized.withUnsafeMutableBufferPointer { target in
            values.withUnsafeBufferPointer { source in
                for channel in 0..<channels {
                    for y in 0..<newHeight {
                        let to = (channel * newHeight + y) * width
                        weights.withTaps(of: y) { start, taps in
                            for k in 0..<taps.count {
                                let from = (channel * height + start + k) * width
                                let tap = taps[k]
                                for i in 0..<width { target[to + i] += source[from + i] * tap }
                            }
                        }
                    }
                }
            }
        }
        return Planes(channels: channels, height: newHeight, width: width, values: resized)
    }
}

/// For each output position, the first input position and the weights of it and its neighbours.
///
/// Single and double precision are mixed as in PyTorch's kernel.
private struct FloatWeights {
    private(set) var starts: [Int] = []
    private var offsets: [Int] = [0]
    private var taps: [Float] = []

    init(from input: Int, to output: Int, antialias: Bool) {
        precondition(output > 0, "planes must have pixels")
        let scale = Float(input) / Float(output)
        for position in 0..<output {
            if antialias {
                appendTriangle(at: position, scale: scale, input: input)
            } else {
                appendPair(at: position, scale: scale, input: input)
            }
            offsets.append(taps.count)
        }
    }

    private mutating func appendTriangle(at position: Int, scale: Float, input: Int) {
        let support = max(scale, 1)
        let inverse = 1 / support
        let center = Float(Double(scale) * (Double(position) + 0.5))
        let start = max(Int(Double(center - support) + 0.5), 0)
        let end = min(Int(Double(center + support) + 0.5), input)
        let weights = (start..<end).map { index in
            let distance = Float((Double(Float(index) - center) + 0.5) * Double(inverse))
            return max(0, 1 - abs(distance))
        }
        let total = weights.reduce(0, +)
        starts.append(start)
        taps += weights.map { $0 / total }
    }

    private mutating func appendPair(at position: Int, scale: Float, input: Int) {
        // A fused multiply-add, as in PyTorch's compiled kernels.
        let place = max((-0.5 as Float).addingProduct(scale, Float(position) + 0.5), 0)
        let start = min(Int(place), input - 1)
        let second = min(max(place - Float(start), 0), 1)
        starts.append(start)
        if start == input - 1 {
            taps.append(1)
        } else {
            taps += [1 - second, second]
        }
    }

    /// The weighted sum for every output position.
    @inline(__always)
    func forEachSum(of input: (Int) -> Float, _ body: (_ position: Int, _ sum: Float) -> Void) {
        taps.withUnsafeBufferPointer { taps in
            for position in starts.indices {
                var sum: Float = 0
                var place = starts[position]
                for tap in taps[offsets[position]..<offsets[position + 1]] {
                    sum += input(place) * tap
                    place += 1
                }
                body(position, sum)
            }
        }
    }

    func withTaps(of position: Int, _ body: (Int, UnsafeBufferPointer<Float>) -> Void) {
        taps.withUnsafeBufferPointer {
            body(starts[position], .init(rebasing: $0[offsets[position]..<offsets[position + 1]]))
        }
    }
}

extension Planes {
    /// Crops to the top left corner.
    ///
    /// - Parameter size: the new size, at most the present size.
    /// - Returns: planes of the new size.
    public func cropped(to size: Size) -> Planes {
        precondition(
            size.width <= width && size.height <= height, "cropping cannot make planes larger")
        var cropped: [Float] = []
        cropped.reserveCapacity(channels * size.area)
        for channel in 0..<channels {
            for y in 0..<size.height {
                let row = (channel * height + y) * width
                cropped.append(contentsOf: values[row..<row + size.width])
            }
        }
        return Planes(channels: channels, height: size.height, width: size.width, values: cropped)
    }

    /// Pads on the right and at the bottom.
    ///
    /// - Parameters:
    ///   - size: the new size, at least the present size.
    ///   - value: the new values.
    /// - Returns: planes of the new size with these planes in the top left corner.
    public func padded(to size: Size, value: Float = 0) -> Planes {
        precondition(
            size.width >= width && size.height >= height, "padding cannot make planes smaller")
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
