import FileIO
import Foundation

/// Random numbers of one sample in one epoch: they depend on nothing else, so that any number of
/// workers gives the same.
public struct SampleRandom: RandomNumberGenerator, Sendable {
    private var generator: SplitMix64

    /// The numbers of a seed and the places that follow it, each of which gives others.
    ///
    /// - Parameters:
    ///   - seed: of the run.
    ///   - places: as the epoch and the sample's number.
    public init(seed: UInt64, _ places: Int...) {
        generator = SplitMix64(seed: seed)
        for place in places {
            generator = SplitMix64(seed: generator.next() ^ UInt64(bitPattern: Int64(place)))
        }
        _ = generator.next()
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        generator.next()
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

/// A 64-bit number of some bytes, the same on every machine: tells contents apart, and is no
/// protection against somebody who wants two to agree.
///
/// Eight bytes at a time, each step a bijection of the state as in FNV-1a.
public struct Fingerprint: Hashable, Sendable {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The fingerprint of nothing.
    public init() {}

    /// The fingerprint of one text.
    ///
    /// - Parameter text: in UTF-8.
    public init(of text: String) {
        add(text)
    }

    /// Adds a content; where one ends and the next begins matters.
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

    /// Adds a content where it lies.
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

    /// The number as a place in a stream of random numbers.
    public var place: Int { Int(bitPattern: UInt(value)) }

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
