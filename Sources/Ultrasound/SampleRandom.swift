/// Random numbers of one sample in one epoch: they depend on nothing else, so that any number of
/// workers gives the same.
///
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
public struct SampleRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The numbers of a seed and the places that follow it, each of which gives others.
    ///
    /// - Parameters:
    ///   - seed: of the run.
    ///   - places: as the epoch and the sample's number.
    public init(seed: UInt64, _ places: Int...) {
        state = seed
        for place in places {
            state = next() ^ UInt64(bitPattern: Int64(place))
        }
        _ = next()
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number spread evenly over a range.
    ///
    /// - Parameter range: from its lower bound to, without it, its upper bound.
    /// - Returns: the number.
    public mutating func uniform(_ range: Range<Double>) -> Double {
        let unit = Double(next() >> 11) / Double(1 << 53)
        return range.lowerBound + unit * (range.upperBound - range.lowerBound)
    }

    /// A whole number below a count.
    ///
    /// - Parameter count: positive.
    /// - Returns: from 0 to one below the count.
    public mutating func below(_ count: Int) -> Int {
        precondition(count > 0, "there is nothing to choose from")
        return Int(next(upperBound: UInt64(count)))
    }

    /// Whether something of this probability happens.
    public mutating func happens(_ probability: Double) -> Bool {
        uniform(0..<1) < probability
    }
}
