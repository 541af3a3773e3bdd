extension SAMConfiguration {
    /// Tokens along a side of the grid: attention among 128 x 128 takes a gigabyte a head.
    private static let largestGrid = 128
    /// Tokens along a side of a window; published are 14.
    private static let largestWindow = 128

    /// Refuses sizes that do not go with what a file holds, before a network is made of them.
    ///
    /// Half of what they need may be missing: such a file is told what it lacks.
    ///
    /// - Parameters:
    ///   - numbers: in all tensors of the file.
    ///   - tensors: their count.
    ///   - pitch: pixels of the input for each token.
    /// - Throws: ``ConfigurationError``.
    public func check(
        numbers: Int, tensors: Int, pitch: Int
    ) throws(ConfigurationError) {
        try Self.check("an input", imageSize, limit: Self.largestGrid * pitch)
        try Self.check("windows", windowSize, limit: Self.largestWindow)
        // What each numbered part has at least.
        let parts = [
            product(depth, 12), product(decoder.depth, 24), product(decoder.candidates + 1, 6),
            product(decoder.iouDepth, 2),
        ]
        let neededTensors = parts.reduce(0, sum)
        guard neededTensors / 2 <= tensors else {
            throw .outOfProportion("tensors", needed: neededTensors, found: tensors)
        }
        // Attention has four matrices of D x D, an MLP of four times the width eight.
        let matrices = [
            product(depth, 12, width, width),
            product(decoder.depth, 4, decoder.width, decoder.width),
            product(decoder.depth, 2, decoder.width, decoder.mlpWidth),
            product(decoder.candidates + 1, 2, decoder.width, decoder.width),
            product(decoder.iouDepth, decoder.iouWidth, min(decoder.width, decoder.iouWidth)),
            product(maskChannels, decoder.width),
        ]
        let neededNumbers = matrices.reduce(0, sum)
        guard neededNumbers / 2 <= numbers else {
            throw .outOfProportion("numbers", needed: neededNumbers, found: numbers)
        }
    }

    private static func check(
        _ what: String, _ value: Int, limit: Int
    ) throws(ConfigurationError) {
        guard value <= limit else { throw .tooLarge(what, value, limit: limit) }
    }
}

/// A product that stops at the largest number.
private func product(_ factors: Int...) -> Int {
    factors.reduce(1) { product, factor in
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        return overflow ? .max : next
    }
}

/// A sum that stops at the largest number.
private func sum(_ one: Int, _ other: Int) -> Int {
    let (sum, overflow) = one.addingReportingOverflow(other)
    return overflow ? .max : sum
}
