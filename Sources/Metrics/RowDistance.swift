import Imaging

/// What the authors of SAMUS print as "HD".
///
/// The Hausdorff distance of two *sets of rows*: a row of the mask is a point of as many
/// coordinates as there are columns, and two rows are as far apart as the number of columns in
/// which they differ. Where a row lies plays no part: a mask moved down by 30 pixels scores 0.
enum RowDistance {
    /// Masks of one size; the distance is a whole number of pixels, at most the width.
    static func hausdorff(_ one: Mask, _ other: Mask) -> Int {
        let (a, b) = (PackedRows(one), PackedRows(other))
        return max(a.farthest(from: b), b.farthest(from: a))
    }
}

/// The different rows of a mask, 64 pixels a word.
private struct PackedRows {
    let rows: [[UInt64]]

    init(_ mask: Mask) {
        var seen: Set<[UInt64]> = []
        rows = (0..<mask.height).compactMap { y in
            var words = [UInt64](repeating: 0, count: (mask.width + 63) / 64)
            for x in 0..<mask.width where mask.values[y * mask.width + x] != 0 {
                words[x / 64] |= 1 << UInt64(x % 64)
            }
            return seen.insert(words).inserted ? words : nil
        }
    }

    /// The largest distance of a row to its nearest row of `other`.
    func farthest(from other: PackedRows) -> Int {
        var farthest = 0
        for row in rows {
            var nearest = Int.max
            for candidate in other.rows {
                nearest = min(nearest, distance(row, candidate, below: nearest))
                // A row that is near already cannot make the largest distance larger.
                if nearest <= farthest { break }
            }
            farthest = max(farthest, nearest)
        }
        return farthest
    }

    private func distance(_ a: [UInt64], _ b: [UInt64], below limit: Int) -> Int {
        var sum = 0
        for i in a.indices {
            sum += (a[i] ^ b[i]).nonzeroBitCount
            if sum >= limit { return sum }
        }
        return sum
    }
}
