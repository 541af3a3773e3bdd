extension Planes {
    /// Resizes as PyTorch's `F.interpolate(mode="bilinear", align_corners=False)` does.
    ///
    /// - Parameters:
    ///   - size: the new size, at least 1x1.
    ///   - antialias: whether shrinking averages over all the pixels covered, as
    ///     `antialias=True`; without it two neighbours in each direction count.
    /// - Returns: planes of that size.
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
                for x in 0..<newWidth {
                    weights.withTaps(of: x) { start, taps in
                        for row in 0..<rows {
                            var sum: Float = 0
                            let from = row * width + start
                            for k in 0..<taps.count { sum += source[from + k] * taps[k] }
                            target[row * newWidth + x] = sum
                        }
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

/// For each output position, the first input position and its neighbours' weights.
///
/// Single and double precision alternate where PyTorch's kernel alternates them.
private struct FloatWeights {
    private(set) var starts: [Int] = []
    private var offsets: [Int] = [0]
    private var taps: [Float] = []

    init(from input: Int, to output: Int, antialias: Bool) {
        precondition(output > 0, "planes have pixels")
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
        // One rounding, as PyTorch's kernels are compiled.
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

    func withTaps(of position: Int, _ body: (Int, UnsafeBufferPointer<Float>) -> Void) {
        taps.withUnsafeBufferPointer {
            body(starts[position], .init(rebasing: $0[offsets[position]..<offsets[position + 1]]))
        }
    }
}
