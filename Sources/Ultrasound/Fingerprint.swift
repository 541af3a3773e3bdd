import Foundation

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
