import DICOM
import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("DICOM images are read as pydicom reads them")
struct DICOMReadingTests {
    @Test("every syntax and photometric interpretation", arguments: Fixtures.names)
    func pixels(name: String) throws {
        let file = try DICOMFile.read(Fixtures.path(name))
        let image = try #require(file.image)
        let expected = try Fixtures.expected(name)
        let reader = try file.frameReader()
        var pixels: [UInt8] = []
        for frame in 0..<image.frames { pixels += try reader.frame(frame).pixels }
        #expect(image.width == expected.width)
        #expect(image.height * image.frames == expected.height)
        #expect(pixels == expected.pixels)
    }

    @Test("there are fixtures")
    func fixtures() {
        #expect(Fixtures.names.count == 17)
    }

    @Test("frames in any order", arguments: ["jpeg-cine.dcm", "jpeg2000-fragments.dcm"])
    func order(name: String) throws {
        let expected = try Fixtures.expected(name)
        let reader = try DICOMFile.read(Fixtures.path(name)).frameReader()
        let count = reader.image.frames
        for frame in [count - 1, 0, 1, 1] {
            let rows = PixelBox(
                x0: 0, y0: frame * reader.image.height, x1: expected.width,
                y1: (frame + 1) * reader.image.height)
            #expect(try reader.frame(frame) == expected.cropped(to: rows))
        }
        #expect(throws: DICOMError.noFrame(name: reader.path, frame: count + 1, frames: count)) {
            try reader.frame(count)
        }
    }

    @Test("what the file states about its image")
    func description() throws {
        let file = try DICOMFile.read(Fixtures.path("jpeg-cine.dcm"))
        #expect(file.transferSyntax == "JPEG Baseline")
        #expect(file.sopClass == "1.2.840.10008.5.1.4.1.1.3.1")
        let image = try #require(file.image)
        #expect(image.frames == 4)
        #expect(image.photometric == "YBR_FULL_422")
        #expect(image.frameTimeMs == 40)
        #expect(image.regions?.count == 2)
        #expect(image.regions?.first?.deltaY == -0.025)
    }

    @Test("a DICOMDIR lists the images of its folder")
    func directory() throws {
        let file = try DICOMFile.read(Fixtures.path("study/DICOMDIR"))
        #expect(file.image == nil)
        let images = try #require(try file.listedImages())
        #expect(images.count == 2)
        #expect(throws: DICOMError.noImage(name: file.path)) { try file.frameReader() }
        for image in images {
            #expect(DICOMFile.isDICOM(image))
            #expect(try DICOMFile.read(image).image != nil)
        }
        #expect(try DICOMFile.read(Fixtures.path("grey8.dcm")).listedImages() == nil)
    }

    @Test("a DICOMDIR that leads out of its folder is refused")
    func escape() throws {
        var bytes = try Fixtures.bytes("study/DICOMDIR")
        let parts = Array("PT000000".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: parts) })
        bytes.replaceSubrange(place..<place + 8, with: Array("../../..".utf8))
        let file = try TemporaryFile(bytes)
        let directory = try DICOMFile.read(file.path)
        #expect(throws: DICOMError.self) { try directory.listedImages() }
    }

    @Test("DICOM is detected by its first bytes, with and without a preamble")
    func detection() throws {
        for name in Fixtures.names { #expect(DICOMFile.isDICOM(Fixtures.path(name))) }
        #expect(!DICOMFile.isDICOM(Fixtures.path("grey8.png")))
        #expect(!DICOMFile.isDICOM(Fixtures.folder.path))
        let text = try TemporaryFile(Array("name,mm_x,mm_y\na,0.1,0.1\n".utf8))
        #expect(!DICOMFile.isDICOM(text.path))
    }

    @Test(
        "all 18 ultrasound files of ../shared",
        .enabled(if: Shared.isPresent, "../shared is absent"))
    func shared() throws {
        let folder = Shared.folder.appending(path: "data/dicom")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".dcm") }.sorted()
        #expect(names.count == 18)
        func first(_ name: String) throws -> Image {
            try DICOMFile.read(folder.appending(path: name).path).frameReader().frame(0)
        }
        for name in names {
            let image = try first(name)
            #expect(Set(image.pixels).count > 10, "\(name)")
        }
        // The same images in other encodings.
        #expect(try first("OBXXXX1A.dcm") == first("OBXXXX1A_expb.dcm"))
        #expect(try first("OBXXXX1A.dcm") == first("OBXXXX1A_rle.dcm"))
        #expect(try first("color-pl.dcm") == first("color-px.dcm"))
        #expect(try first("gdcm-US-ALOKA-16.dcm") == first("gdcm-US-ALOKA-16_big.dcm"))
        #expect(try first("US1_UNCR.dcm") == first("US1_J2KR.dcm"))
    }
}

@Suite("Hostile DICOM files are refused in one sentence", .serialized)
struct HostileDICOMTests {
    /// Changes a 16-bit attribute of an explicit little-endian file.
    private func changed(
        _ name: String, _ tag: [UInt8], to value: UInt16
    ) throws -> TemporaryFile {
        var bytes = try Fixtures.bytes(name)
        let start = tag + Array("US".utf8) + [2, 0]
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: start) })
        bytes[place + 8] = UInt8(value & 255)
        bytes[place + 9] = UInt8(value >> 8)
        return try TemporaryFile(bytes)
    }

    private func reason(_ file: TemporaryFile) -> String {
        do {
            _ = try DICOMFile.read(file.path).frameReader().frame(0)
            return ""
        } catch {
            return error.description
        }
    }

    @Test("a size that the pixel data do not have is found before anything is allocated")
    func size() throws {
        let rows = try changed("grey8.dcm", [0x28, 0, 0x10, 0], to: 65535)
        #expect(reason(rows).contains("it states 1 frames, 3145680 bytes, and has 1728"))
        let zero = try changed("grey8.dcm", [0x28, 0, 0x11, 0], to: 0)
        #expect(reason(zero).contains("it states a size of 0x36 pixels"))
        let jpeg = try changed("jpeg-cine.dcm", [0x28, 0, 0x10, 0], to: 65535)
        #expect(reason(jpeg).contains("a JPEG frame has 48x36 pixels, and the file states another"))
        let jpeg2000 = try changed("jpeg2000-grey12.dcm", [0x28, 0, 0x10, 0], to: 35)
        #expect(reason(jpeg2000).contains("JPEG 2000 stream has another size"))
    }

    @Test("pixels of an unknown kind are named")
    func kinds() throws {
        let samples = try changed("grey8.dcm", [0x28, 0, 0x02, 0], to: 4)
        #expect(
            reason(samples).contains("its pixels are MONOCHROME2 with 4 samples of 8 in 8 bits"))
        let bits = try changed("grey12-window.dcm", [0x28, 0, 0, 1], to: 12)
        #expect(reason(bits).contains("1 samples of 12 in 12 bits"))
    }

    @Test("an RLE segment outside of its frame is found; DCMTK 3.6.7 would read there")
    func rleSegments() throws {
        var bytes = try Fixtures.bytes("rle-rgb.dcm")
        // The item of the frame, after that of the empty offset table; its data begin with three segments.
        let header: [UInt8] = [3, 0, 0, 0, 64, 0, 0, 0]
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: header) })
        bytes[place + 10] = 0xFF
        #expect(
            reason(try TemporaryFile(bytes)).contains("a segment of an RLE frame begins at byte"))
        bytes[place] = 200
        #expect(
            reason(try TemporaryFile(bytes)).contains(
                "an RLE frame has no header for 3 segments"))
    }

    @Test("a truncated file is damaged, other files are not DICOM")
    func truncated() throws {
        let bytes = try Fixtures.bytes("rle-rgb.dcm")
        let file = try TemporaryFile(bytes.prefix(bytes.count / 2))
        #expect(reason(file).contains("is damaged: it ends too early"))
        try file.write(Array(repeating: 0x41, count: 500))
        #expect(reason(file).contains("is not a DICOM file"))
        try file.write([])
        #expect(reason(file).contains("is not a DICOM file"))
        #expect(throws: DICOMError.self) { try DICOMFile.read(Fixtures.folder.path) }
    }

    @Test("a hundred thousand nested sequences stop the decoder, not this process")
    func nesting() throws {
        let bytes = try Fixtures.bytes("grey8.dcm")
        var hostile = Array(bytes.prefix(132 + 200))
        let start = try #require(
            bytes.indices.first { bytes[$0...].starts(with: [8, 0, 0x16, 0]) })
        hostile = Array(bytes[..<start])
        for _ in 0..<200_000 {
            // A sequence and an item, both of undefined length.
            hostile += [0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 255, 255, 255, 255]
            hostile += [0xFE, 0xFF, 0, 0xE0, 255, 255, 255, 255]
        }
        let file = try TemporaryFile(hostile)
        #expect(reason(file).contains("is damaged"))
    }

    @Test("an element of 4 GB does not fill the memory")
    func length() throws {
        let bytes = try Fixtures.bytes("grey8.dcm")
        let start = try #require(
            bytes.indices.first { bytes[$0...].starts(with: [8, 0, 0x16, 0]) })
        let hostile =
            Array(bytes[..<start]) + [0x08, 0, 0x01, 0, 0x4F, 0x42, 0, 0, 0xFE, 255, 255, 255, 1]
        let file = try TemporaryFile(hostile)
        #expect(reason(file).contains("is damaged"))
    }

    /// More with `SAMUS_DICOM_FUZZ=1000000`.
    @Test("damaged files are read or refused")
    func fuzz() throws {
        let count =
            ProcessInfo.processInfo.environment["SAMUS_DICOM_FUZZ"].flatMap { Int($0) } ?? 60
        var random = SplitMix64(seed: 11)
        let sources = try Fixtures.names.map { try Fixtures.bytes($0) }
        let file = try TemporaryFile()
        for round in 0..<count {
            var bytes = sources[round % sources.count]
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                // Half of the damage is in the attributes, after the preamble.
                let end = Bool.random(using: &random) ? min(bytes.count, 1200) : bytes.count
                let place = Int.random(in: min(132, end - 1)..<end, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
                case 1: bytes.removeSubrange(place..<min(place + 9, bytes.count))
                case 2:
                    bytes.insert(contentsOf: bytes[place..<min(place + 30, bytes.count)], at: place)
                case 3 where bytes.count > 400: bytes.removeLast(bytes.count / 8)
                default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            try file.write(bytes)
            // Only errors of the file may be thrown; a crash of the decoder counts as one.
            do {
                let reader = try DICOMFile.read(file.path).frameReader()
                let image = try reader.frame(reader.image.frames - 1)
                #expect(image.pixels.count == image.size.area * image.channels)
            } catch {
                switch error {
                case .decoderMissing, .decoderUnusable, .cannotRead:
                    Issue.record("\(round): \(error)")
                default: break
                }
            }
        }
    }
}
