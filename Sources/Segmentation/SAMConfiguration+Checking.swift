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

    /// Refuses a network that lacks whole blocks or layers: without its last it would look like a
    /// smaller network, and outline something all the same.
    ///
    /// - Parameter stated: the sizes in the file's remarks; the published ones for an encoder or a
    ///   decoder of a published width where there are none.
    /// - Throws: ``ConfigurationError/incomplete(_:found:of:)``.
    func checkComplete(_ stated: SAMConfiguration?) throws(ConfigurationError) {
        let published = [Self.base, Self.large, Self.huge].map { $0(imageSize) }
        if let whole = stated ?? published.first(where: { $0.width == width }) {
            try Self.check("blocks", depth, of: whole.depth)
            try Self.check(
                "blocks that see the whole image", globalBlocks.count,
                of: whole.globalBlocks.count)
        }
        let usual = Decoder()
        if let whole = stated?.decoder ?? (decoder.width == usual.width ? usual : nil) {
            try Self.check("blocks of the mask decoder", decoder.depth, of: whole.depth)
            try Self.check("layers of the IoU head", decoder.iouDepth, of: whole.iouDepth)
        }
    }

    private static func check(
        _ what: String, _ found: Int, of needed: Int
    ) throws(ConfigurationError) {
        guard found == needed else { throw .incomplete(what, found: found, of: needed) }
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
