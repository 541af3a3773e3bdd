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

    /// A size from what it was in recordings.
    ///
    /// - Parameters:
    ///   - values: in the first recording, then in those where one axis each is longer by 1.
    ///   - axes: the axes' lengths in the first.
    init(_ values: [Int], axes: [Int]) {
        let factors = values.dropFirst().map { $0 - values[0] }
        base = values[0] - zip(factors, axes).reduce(0) { $0 + $1.0 * $1.1 }
        self.factors = factors.contains { $0 != 0 } ? factors : []
    }

    /// The number it always is; nil where it varies.
    var fixed: Int? { factors.isEmpty ? base : nil }

    /// The axis that it is the length of; nil where it is none or more than that.
    var axis: Int? {
        guard base == 0, factors.count(where: { $0 != 0 }) == 1 else { return nil }
        return factors.firstIndex(of: 1)
    }
}
