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
        mask(in: PixelBox(x0: 0, y0: 0, x1: size.width, y1: size.height))
    }

    /// Decodes a part of the mask.
    ///
    /// - Parameter box: the part, inside the mask and not empty.
    /// - Returns: a mask of the box's size.
    public func mask(in box: PixelBox) -> Mask {
        precondition(
            box.x0 >= 0 && box.y0 >= 0 && box.x1 <= size.width && box.y1 <= size.height,
            "a part must be inside the mask")
        var values = [UInt8](repeating: 0, count: box.width * box.height)
        values.withUnsafeMutableBufferPointer { values in
            forEachColumnRun { x, rows in
                guard (box.x0..<box.x1).contains(x) else { return }
                let rows = rows.clamped(to: box.y0..<box.y1)
                var index = (rows.lowerBound - box.y0) * box.width + x - box.x0
                for _ in rows {
                    values[index] = 1
                    index += box.width
                }
            }
        }
        return Mask(
            size: Size(height: box.height, width: box.width), zerosAndOnes: values)
    }

    /// Smallest box around the foreground; nil if the mask is empty.
    public var boundingBox: PixelBox? {
        var (x0, y0, x1, y1) = (size.width, size.height, 0, 0)
        forEachColumnRun { x, rows in
            x0 = min(x0, x)
            x1 = max(x1, x + 1)
            y0 = min(y0, rows.lowerBound)
            y1 = max(y1, rows.upperBound)
        }
        return x0 < x1 ? PixelBox(x0: x0, y0: y0, x1: x1, y1: y1) : nil
    }

    /// The foreground as runs within columns, in order.
    private func forEachColumnRun(_ body: (_ x: Int, _ rows: Range<Int>) -> Void) {
        var place = 0
        for (index, count) in counts.enumerated() {
            defer { place += count }
            guard index % 2 == 1 else { continue }
            var (x, y) = place.quotientAndRemainder(dividingBy: size.height)
            var left = count
            while left > 0 {
                let end = min(y + left, size.height)
                body(x, y..<end)
                left -= end - y
                (x, y) = (x + 1, 0)
            }
        }
    }
}

extension Mask {
    /// Run lengths in COCO's order, equal to those of pycocotools.
    ///
    /// - Returns: run lengths that begin with background.
    public func runLength() -> RunLength {
        // The rows at which each column changes, column after column.
        var ends = [Int](repeating: 0, count: width + 1)
        forEachChange { x, _, _ in ends[x + 1] += 1 }
        for x in 0..<width { ends[x + 1] += ends[x] }
        var rows = [Int32](repeating: 0, count: ends[width])
        var next = ends
        forEachChange { x, y, _ in
            rows[next[x]] = Int32(y)
            next[x] += 1
        }
        var counts: [Int] = []
        var (isInside, place) = (false, 0)
        func change(at next: Int) {
            counts.append(next - place)
            place = next
            isInside.toggle()
        }
        for x in 0..<width {
            var changes = rows[ends[x]..<ends[x + 1]]
            // The runs go on from the end of a column to the start of the next.
            let startsInside = changes.first == 0
            if startsInside { changes.removeFirst() }
            if startsInside != isInside { change(at: x * height) }
            for row in changes { change(at: x * height + Int(row)) }
        }
        counts.append(values.count - place)
        return RunLength(size: size, uncheckedCounts: counts)
    }
}

extension RunLength {
    fileprivate init(size: Size, uncheckedCounts: [Int]) {
        self.size = size
        counts = uncheckedCounts
    }
}
