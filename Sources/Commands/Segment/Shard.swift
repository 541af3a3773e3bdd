import ArgumentParser

/// One part of a list that several machines share: `--shard 2/16` is the second of 16.
///
/// An image belongs to the same part whichever other images there are, so that files that are added
/// during the work move no image to another machine.
struct Shard: ExpressibleByArgument, Equatable, Sendable, CustomStringConvertible {
    /// The largest number of parts.
    static let largestCount = 1_000_000

    /// From 1.
    let number: Int
    let count: Int

    /// - Parameter argument: `NUMBER/COUNT`; anything else gives nil.
    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
            .map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1],
            (1...Self.largestCount).contains(count), (1...count).contains(number)
        else { return nil }
        (self.number, self.count) = (number, count)
    }

    /// `2/16`.
    var description: String { "\(number)/\(count)" }

    /// Whether an image belongs to this part.
    ///
    /// - Parameter name: the name of the image's results.
    /// - Returns: true for exactly one of the parts.
    func contains(_ name: String) -> Bool {
        // FNV-1a, whose upper bits are then mixed into the lower ones: the remainder of the plain
        // hash depends on few bits where `count` is a power of two.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        hash ^= hash >> 32
        return hash % UInt64(count) == UInt64(number - 1)
    }
}
