/// A mask as run lengths, in COCO's order: column after column.
public struct RunLength: Hashable, Sendable {
    /// The mask's size.
    public let size: Size
    /// Lengths of runs, outside and inside in turn, beginning outside (with 0 where the first
    /// pixel is inside); together all the pixels.
    public let counts: [Int]

    /// Nil when a count is negative, they do not add up to the size, or the size is none.
    ///
    /// A size above 100 megapixels is none: a short text must not ask for all the memory.
    ///
    /// - Parameters:
    ///   - size: the mask's size.
    ///   - counts: lengths of runs, outside and inside in turn, beginning outside.
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

    /// Reads COCO's compressed form; nil when the string is not of it or does not fit the size.
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
            // From the fourth count on, what is stored is the difference to the last but one.
            let (count, overflows) = value.addingReportingOverflow(
                counts.count > 2 ? counts[counts.count - 2] : 0)
            guard !overflows else { return nil }
            counts.append(count)
            (value, shift) = (0, 0)
        }
        guard shift == 0 else { return nil }
        self.init(size: size, counts: counts)
    }

    /// COCO's compressed form, equal to pycocotools'.
    ///
    /// Groups of 5 bits, lowest first, each with a bit for "more follows", from character `0` on.
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

    /// Draws the runs.
    ///
    /// - Returns: the mask they were made from.
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
    /// Run lengths in COCO's order, equal to pycocotools'.
    ///
    /// - Returns: counts that begin outside.
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
