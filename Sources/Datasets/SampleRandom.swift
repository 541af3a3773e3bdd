import FileIO
import Foundation

/// Random number generator of one sample in one epoch.
///
/// Its numbers depend on the seed, the epoch and the sample only, so that they are the same for any
/// number of workers. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
public struct SampleRandom: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// A generator of a seed and stream indices; each combination gives other numbers.
    ///
    /// - Parameters:
    ///   - seed: of the run.
    ///   - stream: indices such as the epoch and the sample's number.
    public init(seed: UInt64, _ stream: Int...) {
        generator = SplitMix64(seed: seed)
        for index in stream {
            generator = SplitMix64(seed: generator.next() ^ UInt64(bitPattern: Int64(index)))
        }
        _ = generator.next()
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        generator.next()
    }

    /// A uniform random number.
    ///
    /// - Parameter range: the upper bound is excluded.
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
        precondition(count > 0, "count must be positive")
        return Int(next(upperBound: UInt64(count)))
    }

    /// True with the given probability.
    public mutating func happens(_ probability: Double) -> Bool {
        uniform(0..<1) < probability
    }
}

/// A 64-bit hash, the same on every machine.
///
/// Not cryptographic: it does not detect forgery. Eight bytes at a time, each step a bijection of the state as in FNV-1a.
public struct Fingerprint: Hashable, Sendable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The fingerprint of no content.
    public init() {}

    /// The fingerprint of one text.
    ///
    /// - Parameter text: in UTF-8.
    public init(of text: String) {
        add(text)
    }

    /// Adds bytes and their count.
    ///
    /// - Parameter bytes: any number.
    public mutating func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { add($0) }
    }

    /// Adds a text.
    ///
    /// - Parameter text: in UTF-8.
    public mutating func add(_ text: String) {
        add(Array(text.utf8))
    }

    /// Adds a whole number.
    ///
    /// - Parameter number: any.
    public mutating func add(_ number: Int) {
        mix(UInt64(bitPattern: Int64(number)))
    }

    /// Adds bytes and their count, without a copy.
    ///
    /// - Parameter bytes: any number.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        add(bytes.count)
        var place = 0
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            mix(UInt64(littleEndian: word))
            place += 8
        }
        var rest: UInt64 = 0
        while place < bytes.count {
            rest = rest << 8 | UInt64(bytes[place])
            place += 1
        }
        mix(rest)
    }

    /// The number.
    public var value: UInt64 {
        var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// The number as a stream index of ``SampleRandom``.
    public var streamIndex: Int { Int(bitPattern: UInt(value)) }

    /// The number as 16 hexadecimal digits.
    public var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private mutating func mix(_ word: UInt64) {
        state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        state ^= state >> 32
    }
}
