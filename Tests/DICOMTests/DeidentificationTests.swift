import DICOM
import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("De-identified files have no identity and the same pixels inside the boxes", .serialized)
struct DeidentificationTests {
    private let key = Pseudonyms(key: Array("0123456789abcdef".utf8))

    private func deidentify(
        _ path: String, into folder: URL, keeping boxes: [PixelBox]? = nil,
        with key: Pseudonyms? = nil, replaces: Bool = false
    ) throws -> DeidentifiedFile {
        try DICOMFile.read(path).deidentify(
            into: folder, pseudonyms: key ?? self.key, keeping: boxes, program: "samus test",
            replaces: replaces)
    }

    private func temporary() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "samus-deidentify-\(UUID())")
    }

    private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        Data(bytes).range(of: Data(text.utf8)) != nil
    }

    @Test("the identity of a cine is gone, its regions, timing and pixels remain")
    func cine() throws {
        let folder = temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = Fixtures.path("jpeg-cine.dcm")
        let result = try deidentify(source, into: folder)
        #expect(result.frames == 4)
        #expect(
            result.boxes == [
                PixelBox(x0: 2, y0: 2, x1: 46, y1: 26), PixelBox(x0: 2, y0: 27, x1: 46, y1: 36),
            ])
        let before = try Fixtures.bytes("jpeg-cine.dcm")
        let after = try RegularFile.read(result.path, limit: 1 << 20)
        let identity = [
            "Made^Up", "MADE-UP-1", "20260102", "101112", "1.2.826.0.1.3680043.10.9999.1",
            "1.2.826.0.1.3680043.10.9999.2", "1.2.826.0.1.3680043.10.9999.3",
        ]
        for text in identity {
            #expect(contains(before, text), "\(text)")
            #expect(!contains(after, text), "\(text)")
        }
        let old = try #require(try DICOMFile.read(source).image)
        let file = try DICOMFile.read(result.path)
        let new = try #require(file.image)
        #expect(file.transferSyntax == "Little Endian Explicit")
        #expect(new.regions == old.regions)
        #expect(new.frameTimeMs == 40)
        #expect(new.photometric == "RGB")
        // The corner is outside of the regions, a pixel at (10, 10) inside.
        let (first, last) = try (
            DICOMFile.read(source).frameReader().frame(3), file.frameReader().frame(3)
        )
        #expect(last.pixels.prefix(3).allSatisfy { $0 == 0 })
        #expect(!first.pixels.prefix(3).allSatisfy { $0 == 0 })
        let place = (10 * 48 + 10) * 3
        #expect(last.pixels[place..<place + 3] == first.pixels[place..<place + 3])
    }

    @Test("the same key gives the same identifiers, another key others")
    func keys() throws {
        let folder = temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let box = [PixelBox(x0: 0, y0: 0, x1: 48, y1: 36)]
        let first = try deidentify(Fixtures.path("grey8.dcm"), into: folder, keeping: box)
        #expect(throws: DeidentificationError.self) {
            try deidentify(Fixtures.path("grey8.dcm"), into: folder, keeping: box)
        }
        let again = try deidentify(
            Fixtures.path("grey8.dcm"), into: folder, keeping: box, replaces: true)
        #expect(again == first)
        let other = try deidentify(
            Fixtures.path("grey8.dcm"), into: folder, keeping: box, with: .random())
        #expect(other.path != first.path)
        // The study is the same for all fixtures, the series is not.
        let second = try deidentify(Fixtures.path("palette.dcm"), into: folder, keeping: box)
        func study(_ path: String) throws -> String {
            let bytes = try RegularFile.read(path, limit: 1 << 20)
            let tag: [UInt8] = [0x20, 0, 0x0D, 0] + Array("UI".utf8)
            let start = try #require(bytes.indices.first { bytes[$0...].starts(with: tag) })
            let length = Int(bytes[start + 6])
            return String(decoding: bytes[start + 8..<start + 8 + length], as: UTF8.self)
        }
        #expect(try study(first.path) == study(second.path))
        #expect(try study(first.path).hasPrefix("2.25."))
        #expect(try study(other.path) != study(first.path))
    }

    @Test("an image that cannot be cleaned is refused")
    func refused() throws {
        let folder = temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let grey = Fixtures.path("grey8.dcm")
        #expect(throws: DeidentificationError.noRegions(name: grey)) {
            try deidentify(grey, into: folder)
        }
        let box = PixelBox(x0: 0, y0: 0, x1: 49, y1: 36)
        let error = DeidentificationError.boxOutside(
            name: grey, box: box, size: Size(height: 36, width: 48))
        #expect(throws: error) { try deidentify(grey, into: folder, keeping: [box]) }
        #expect(throws: DICOMError.self) {
            try deidentify(
                Fixtures.path("grey12-window.dcm"), into: folder,
                keeping: [PixelBox(x0: 0, y0: 0, x1: 8, y1: 8)])
        }
        #expect(throws: DICOMError.self) {
            try deidentify(Fixtures.path("study/DICOMDIR"), into: folder)
        }
        #expect((try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? [] == [])
    }

    @Test(
        "real files keep no name, date or private attribute",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func shared() throws {
        let folder = temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = Shared.folder.appending(path: "data/dicom")
        for name in ["OBXXXX1A_rle_2frame.dcm", "gdcm-US-ALOKA-16.dcm"] {
            let result = try deidentify(data.appending(path: name).path, into: folder)
            let bytes = try RegularFile.read(result.path, limit: 64 << 20)
            #expect(!contains(Array(bytes.prefix(4000)), "2011"))
            #expect(!contains(Array(bytes.prefix(4000)), "2002"))
        }
        // Its region belongs to an image of another size.
        let stale = data.appending(path: "examples_ybr_color.dcm").path
        #expect(throws: DeidentificationError.self) { try deidentify(stale, into: folder) }
    }
}
