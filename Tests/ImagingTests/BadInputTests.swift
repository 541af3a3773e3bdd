import Foundation
import Imaging
import Testing

@Suite("Unsupported and damaged images are refused with the cause")
struct BadInputTests {
    private func error(_ bytes: [UInt8]) -> String? {
        do {
            _ = try Image.decode(bytes, name: "it")
            return nil
        } catch {
            return error.description
        }
    }

    private func error(path: String) -> String? {
        do {
            _ = try Image.read(path)
            return nil
        } catch {
            return error.description.replacing(path, with: "it")
        }
    }

    @Test(
        "an image with a false header, damaged data or a CMYK JPEG is refused",
        arguments: [
            ("zero-size.png", "'it' states a size of 0x0 pixels; at least 1x1 is needed"),
            (
                "huge-header.png",
                "'it' states a size of 40000x40000 pixels; at most 100000000 pixels are read"
            ),
            (
                "modest-lie.png",
                "'it' states a size of 4000x4000 pixels, more than its 69 bytes can contain"
            ),
            ("lies-about-rows.png", "'it' is damaged: Not enough image data"),
            ("bad-header-checksum.png", "'it' is damaged: IHDR: CRC error"),
            ("bad-data-checksum.png", "'it' is damaged: IDAT: CRC error"),
            ("bad-adler.png", "'it' is damaged: IDAT: incorrect data check"),
            (
                "cmyk.jpg",
                "'it' is a CMYK JPEG; a grey or RGB image of 1 to 16 bits (PNG) or 8 bits (JPEG)"
                    + " is needed"
            ),
        ])
    func fixture(name: String, words: String) throws {
        #expect(error(path: Fixtures.path(name)) == words)
    }

    @Test("the error for an image of another format names the format")
    func otherFormats() {
        let zeros = [UInt8](repeating: 0, count: 128)
        let formats: [(name: String, bytes: [UInt8])] = [
            ("GIF", Array("GIF89a".utf8)),
            ("TIFF", [0x49, 0x49, 42, 0]),
            ("TIFF", [0x4D, 0x4D, 0, 42]),
            ("WebP", Array("RIFF....WEBPVP8 ".utf8)),
            ("DICOM", zeros + Array("DICM".utf8)),
            ("BMP", Array("BM".utf8) + zeros),
        ]
        for format in formats {
            #expect(
                error(format.bytes) == "'it' is a \(format.name) file; PNG or JPEG is needed")
        }
    }

    @Test("empty files, text and files without a header are refused")
    func noImage() {
        #expect(error([]) == "'it' is empty; a PNG or JPEG file is needed")
        #expect(
            error(Array("hello".utf8))
                == "'it' is not an image of a known format; a PNG or JPEG file is needed")
        #expect(
            error([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
                == "'it' is damaged: its PNG header is missing")
        #expect(
            error([0xFF, 0xD8, 0xFF, 0xE0]) == "'it' is damaged: its JPEG frame header is missing")
    }

    @Test("an image that is truncated at any byte is refused")
    func truncated() throws {
        for name in [
            "grey8.png", "rgb-alpha16-interlaced.png", "palette4.png", "grey.jpg",
            "rgb-420.jpg", "rgb-progressive.jpg", "rgb-restarts.jpg",
        ] {
            let bytes = try Fixtures.bytes(name)
            for count in 0..<bytes.count {
                #expect(error(Array(bytes[..<count])) != nil, "\(name) cut to \(count) bytes")
            }
        }
    }

    @Test("folders, devices, pipes and missing files are refused")
    func notAFile() throws {
        #expect(error(path: "/") == "'it' is a folder; a PNG or JPEG file is needed")
        #expect(error(path: "/dev/zero") == "'it' is a device; a PNG or JPEG file is needed")
        #expect(
            error(path: Fixtures.path("absent.png"))
                == "'it' cannot be read: there is no such file")
        try withTemporaryFolder { folder in
            let pipe = folder.appending(path: "pipe").path
            #expect(mkfifo(pipe, 0o600) == 0)
            #expect(error(path: pipe) == "'it' is a pipe; a PNG or JPEG file is needed")
            let link = folder.appending(path: "link").path
            #expect(symlink("/dev/zero", link) == 0)
            #expect(error(path: link) == "'it' is a device; a PNG or JPEG file is needed")
            let good = folder.appending(path: "good").path
            #expect(symlink(Fixtures.path("grey8.png"), good) == 0)
            #expect(error(path: good) == nil)
        }
    }

    @Test(
        "an image without read permission is refused",
        .enabled(if: geteuid() != 0, "root may read everything"))
    func noPermission() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "secret.png").path
            try Data([1]).write(to: URL(filePath: path))
            #expect(chmod(path, 0) == 0)
            #expect(error(path: path) == "'it' cannot be read: Permission denied")
        }
    }

    @Test("a file that is larger than the limit is refused")
    func tooManyBytes() throws {
        let limits = ImageLimits(pixels: 100, bytes: 10)
        let path = Fixtures.path("grey8.png")
        let count = try Fixtures.bytes("grey8.png").count
        #expect(throws: ImageError.tooManyBytes(name: path, bytes: count, limit: 10)) {
            try Image.read(path, limits: limits)
        }
    }
}
