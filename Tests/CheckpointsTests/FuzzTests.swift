import Checkpoints
import FileIO
import Foundation
import Testing

/// Reading a damaged file throws or returns a valid checkpoint; it never traps or allocates more than
/// the limits.
///
/// A trap would end the test program.
@Suite("Damaged checkpoints are refused or read, without a trap", .serialized)
struct FuzzTests {
    /// Fixtures of all formats.
    static let names = Fixtures.readable.filter { !$0.hasPrefix("refused") }

    @Test("random damage to a valid file does not trap", arguments: names)
    func damage(name: String) throws {
        let original = try Fixtures.bytes(name)
        let folder = try TemporaryFolder()
        var generator = SplitMix64(
            seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        for round in 0..<150 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                Damage.random(&generator).apply(to: &bytes, &generator)
            }
            // With wrong checksums, the damage would never reach the unpickler.
            if round.isMultiple(of: 2) { ZipRepair.updateChecksums(of: &bytes) }
            try read(bytes, folder)
        }
    }

    @Test(
        "random damage to a refused file does not trap",
        arguments: ["command.pth", "two-legacy.pth", "bomb.pth"])
    func refused(name: String) throws {
        try damage(name: "refused/\(name)")
    }

    @Test(
        "a single flipped bit at any position does not trap",
        arguments: [
            "mixed-legacy.pth", "mixed.safetensors",
        ])
    func everyBit(name: String) throws {
        let folder = try TemporaryFolder()
        var bytes = try Fixtures.bytes(name)
        for index in bytes.indices {
            for bit in 0..<8 {
                bytes[index] ^= 1 << bit
                try read(bytes, folder)
                bytes[index] ^= 1 << bit
            }
        }
    }

    /// Reads all tensors and checks their total size against the limit.
    private func read(_ bytes: [UInt8], _ folder: TemporaryFolder) throws {
        guard !bytes.isEmpty else { return }
        let path = try folder.file(bytes)
        do throws(CheckpointError) {
            let found = try Checkpoint.read(path)
            let tensors = found.names.compactMap { found[$0] }
            let total = tensors.reduce(0) { $0 + $1.byteCount }
            #expect(total <= 8 * bytes.count)
            for tensor in tensors { _ = try tensor.bytes() }
        } catch {
            #expect(!error.description.isEmpty)
        }
    }
}

/// One way of damaging a file.
enum Damage: CaseIterable {
    case flipBit, overwrite, hugeLength, truncate, insert, remove, repeatPart

    static func random(_ generator: inout SplitMix64) -> Damage {
        let all = Damage.allCases
        return all[Int.random(in: 0..<all.count, using: &generator)]
    }

    func apply(to bytes: inout [UInt8], _ generator: inout SplitMix64) {
        guard bytes.count > 16 else { return }
        let place = Int.random(in: 0..<bytes.count - 8, using: &generator)
        let length = Int.random(in: 1...8, using: &generator)
        switch self {
        case .flipBit: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case .overwrite: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case .hugeLength:
            // Small fields become negative or huge, and text becomes long numbers.
            let fills: [UInt8] = [0xFF, 0x7F, 0x80, UInt8(ascii: "9")]
            let fill = fills[Int.random(in: 0..<fills.count, using: &generator)]
            for index in place..<place + length { bytes[index] = fill }
        case .truncate: bytes.removeSubrange(place...)
        case .insert:
            // Operations of pickles, one of them repeated.
            let operations: [UInt8] = [
                0x28, 0x2E, 0x30, 0x31, 0x32, 0x52, 0x51, 0x62, 0x61, 0x65, 0x73, 0x75, 0x7D, 0x5D,
                0x85, 0x86, 0x87, 0x94, 0x8F, 0x90, 0x68, 0x71,
            ]
            let operation = operations[Int.random(in: 0..<operations.count, using: &generator)]
            bytes.insert(contentsOf: [UInt8](repeating: operation, count: length), at: place)
        case .remove: bytes.removeSubrange(place..<place + length)
        case .repeatPart:
            let end = min(bytes.count, place + 16 * length)
            bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
    }
}
