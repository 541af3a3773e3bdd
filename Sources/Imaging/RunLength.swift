/// A mask as run lengths, in COCO's order: column by column.
public struct RunLength: Hashable, Sendable {
    /// The mask's size.
    public let size: Size
    /// Lengths of runs, alternately background and foreground, beginning with background (0 if the
    /// first pixel is foreground); their sum is the number of pixels.
    public let counts: [Int]

    /// Creates run lengths; nil if a count is negative, or the sum of the counts is not the number of
    /// pixels.
    ///
    /// Sizes above 100 megapixels are refused, because a short text could otherwise allocate all the
    /// memory.
    ///
    /// - Parameters:
    ///   - size: the mask's size.
    ///   - counts: lengths of runs, alternately background and foreground, beginning with background.
    public init?(size: Size, counts: [Int]) {
        guard size.width > 0, size.height > 0 else { return nil }
        let (area, overflows) = size.width.multipliedReportingOverflow(by: size.height)
        guard !overflows, area <= ImageLimits.standard.pixels else { return nil }
        var left = area
        for count in counts {
            guard count >= 0, count <= left else { return nil }
            left -= count
        }
        guard left == 0 else { return nil }
        self.size = size
        self.counts = counts
    }

    /// Decodes COCO's compressed format; nil if the string is malformed or does not fit the size.
    ///
    /// - Parameters:
    ///   - compressed: the string under `counts` in a COCO file.
    ///   - size: the mask's size, `[height, width]` in a COCO file.
    public init?(compressed: String, size: Size) {
        var counts: [Int] = []
        var value = 0
        var shift = 0
        for byte in compressed.utf8 {
            guard (48..<112).contains(byte), shift < 60 else { return nil }
            let group = Int(byte) - 48
            value |= (group & 31) << shift
            shift += 5
            if group & 32 != 0 { continue }
            if group & 16 != 0 { value |= -1 << shift }
            // From the fourth count on, the difference to the last but one count is stored.
            let (count, overflows) = value.addingReportingOverflow(
                counts.count > 2 ? counts[counts.count - 2] : 0)
            guard !overflows else { return nil }
            counts.append(count)
            (value, shift) = (0, 0)
        }
        guard shift == 0 else { return nil }
        self.init(size: size, counts: counts)
    }

    /// COCO's compressed format, equal to that of pycocotools.
    ///
    /// Groups of 5 bits, lowest first, each with a continuation bit, as characters from `0` on.
    public var compressed: String {
        var bytes: [UInt8] = []
        for (index, count) in counts.enumerated() {
            var value = index > 2 ? count - counts[index - 2] : count
            var isLast = false
            repeat {
                let group = UInt8(value & 31)
                value >>= 5
                isLast = value == (group & 16 != 0 ? -1 : 0)
                bytes.append(48 + (isLast ? group : group | 32))
            } while !isLast
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Decodes the runs.
    ///
    /// - Returns: the mask with these runs.
    public func mask() -> Mask {
        var values = [UInt8](repeating: 0, count: size.area)
        var (x, y) = (0, 0)
        for (index, count) in counts.enumerated() {
            for _ in 0..<count {
                if index % 2 == 1 { values[y * size.width + x] = 1 }
                y += 1
                if y == size.height { (x, y) = (x + 1, 0) }
            }
        }
        return Mask(width: size.width, height: size.height, values: values)
    }
}

extension Mask {
    /// Run lengths in COCO's order, equal to those of pycocotools.
    ///
    /// - Returns: run lengths that begin with background.
    public func runLength() -> RunLength {
        var counts: [Int] = []
        var current: UInt8 = 0
        var count = 0
        values.withUnsafeBufferPointer { values in
            for x in 0..<width {
                var index = x
                for _ in 0..<height {
                    if values[index] != current {
                        counts.append(count)
                        count = 0
                        current ^= 1
                    }
                    count += 1
                    index += width
                }
            }
        }
        counts.append(count)
        return RunLength(size: size, uncheckedCounts: counts)
    }
}

extension RunLength {
    fileprivate init(size: Size, uncheckedCounts: [Int]) {
        self.size = size
        counts = uncheckedCounts
    }
}
