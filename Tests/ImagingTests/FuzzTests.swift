import FileIO
import Imaging
import Testing

@Suite("Damaged images are read or refused, without a trap")
struct FuzzTests {
    /// Small limits keep the tests fast; only one fixture, the zip bomb, is larger.
    private let limits = ImageLimits(pixels: 250_000, bytes: 1 << 20)

    private func attempt(_ bytes: [UInt8]) {
        if let image = try? Image.decode(bytes, name: "fuzz", limits: limits) {
            #expect(image.size.area <= limits.pixels)
            #expect(image.pixels.count == image.size.area * image.channels)
        }
        if let mask = try? Mask.decode(bytes, name: "fuzz", limits: limits) {
            #expect(mask.size.area <= limits.pixels)
        }
    }

    @Test("flipped bits, truncation, and repeated and removed blocks do not trap")
    func damage() throws {
        var random = SplitMix64(seed: 7)
        for name in try Fixtures.imageNames() where name != "bomb.png" {
            let bytes = try Fixtures.bytes(name)
            for _ in 0..<60 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<damaged.count, using: &random)
                    damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random))
                case 1:
                    let start = Int.random(in: 0..<damaged.count, using: &random)
                    let piece = damaged[start..<min(start + 40, damaged.count)]
                    damaged.insert(contentsOf: Array(piece), at: start)
                case 2:
                    let start = Int.random(in: 0..<damaged.count, using: &random)
                    damaged.removeSubrange(start..<min(start + 40, damaged.count))
                default: break
                }
                attempt(damaged)
            }
        }
    }

    @Test("false PNG sizes and lengths with correct checksums do not trap")
    func lies() throws {
        let numbers: [UInt32] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 300, 65535]
        for name in try Fixtures.imageNames() where name.hasSuffix("png") && name != "bomb.png" {
            let bytes = try Fixtures.bytes(name)
            for number in numbers {
                for field in [16, 20] {
                    var lie = bytes
                    lie.replaceSubrange(field..<field + 4, with: bigEndian(number))
                    lie.replaceSubrange(29..<33, with: bigEndian(crc32(lie[12..<29])))
                    attempt(lie)
                }
                var lie = bytes
                lie.replaceSubrange(33..<37, with: bigEndian(number))
                attempt(lie)
            }
            for kind in UInt8(0)...7 {
                for depth in [UInt8(0), 1, 2, 3, 4, 8, 16, 32] {
                    var lie = bytes
                    lie[24] = depth
                    lie[25] = kind
                    lie.replaceSubrange(29..<33, with: bigEndian(crc32(lie[12..<29])))
                    attempt(lie)
                }
            }
        }
    }

    @Test("false JPEG frame sizes do not trap")
    func frames() throws {
        for name in try Fixtures.imageNames() where name.hasSuffix("jpg") {
            let bytes = try Fixtures.bytes(name)
            let frame = bytes.indices.dropLast(10).first {
                bytes[$0] == 0xFF && [0xC0, 0xC2].contains(bytes[$0 + 1])
            }
            let start = try #require(frame)
            for field in [start + 2, start + 5, start + 7] {
                for number in [UInt32(0), 1, 9, 255, 65535] {
                    var lie = bytes
                    lie.replaceSubrange(field..<field + 2, with: bigEndian(number).suffix(2))
                    attempt(lie)
                }
            }
        }
    }

    private func bigEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF as UInt32) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1) * 0xEDB8_8320 }
        }
    }
}
