/// A size that is fixed, or grows with axes of the inputs: `base + sum of factors[i] * axis i`.
struct Length: Hashable {
    /// What it is where all axes are 0.
    let base: Int
    /// How much it grows with each axis, in the recording's order; empty where it is fixed.
    let factors: [Int]

    /// A fixed size.
    init(_ base: Int) {
        self.base = base
        factors = []
    }

    /// A size from what it was in recordings; nil where it is no sum of the axes' lengths.
    ///
    /// - Parameters:
    ///   - values: in each recording.
    ///   - lengths: of the axes in each: in the first; in those where one axis each is longer by 1;
    ///     and in the last, which only tells whether the sum holds.
    init?(_ values: [Int], lengths: [[Int]]) {
        let factors = values.dropFirst().dropLast().map { $0 - values[0] }
        func sum(_ axes: [Int]) -> Int { zip(factors, axes).reduce(0) { $0 + $1.0 * $1.1 } }
        base = values[0] - sum(lengths[0])
        self.factors = factors.contains { $0 != 0 } ? factors : []
        guard let last = values.last, let axes = lengths.last, last == base + sum(axes)
        else { return nil }
    }

    /// The number it always is; nil where it varies.
    var fixed: Int? { factors.isEmpty ? base : nil }

    /// The axis that it is the length of; nil where it is none or more than that.
    var axis: Int? {
        guard base == 0, factors.count(where: { $0 != 0 }) == 1 else { return nil }
        return factors.firstIndex(of: 1)
    }
}
