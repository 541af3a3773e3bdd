import Foundation
import Imaging
import Testing

@Suite("Images are read with the same pixels as in OpenCV")
struct ReadingTests {
    @Test("pixels of all kinds of PNG and JPEG equal OpenCV's")
    func pixels() throws {
        let sources = try Fixtures.expected().images
        #expect(sources.count > 50)
        // An image with 16 bits but values up to 256 is refused; OpenCV returns two grey levels.
        for source in sources where source.file != "label16.png" {
            let image = try Image.read(Fixtures.path(source.file))
            #expect(image == source.image, "\(source.file)")
        }
    }

    @Test("a highly compressed image is read only within the pixel limit")
    func bomb() throws {
        let bomb = try Fixtures.bytes("bomb.png")
        #expect(try Image.decode(bomb, name: "bomb").size == Size(height: 6000, width: 6000))
        let limits = ImageLimits(pixels: 1_000_000, bytes: 1 << 20)
        #expect(
            throws: ImageError.tooManyPixels(
                name: "bomb", width: 6000, height: 6000, limit: 1_000_000)
        ) { try Image.decode(bomb, name: "bomb", limits: limits) }
    }

    @Test("compressed text in a PNG is skipped")
    func textBomb() throws {
        let image = try Image.read(Fixtures.path("text-bomb.png"))
        #expect(image.size == Size(height: 8, width: 8))
    }

    @Test("all non-zero pixels of a mask are foreground, also in 16 bits")
    func mask() throws {
        let expected = try Fixtures.expected().images
        for source in expected where source.file.hasSuffix("8.png") {
            let mask = try Mask.read(Fixtures.path(source.file))
            let inside = stride(from: 0, to: source.pixels.count, by: source.channels).map { i in
                UInt8(source.pixels[i..<i + source.channels].contains { $0 != 0 } ? 1 : 0)
            }
            #expect(mask.values == inside, "\(source.file)")
        }
        // As an image it would have only two grey levels.
        let error = #expect(throws: ImageError.self) {
            try Image.read(Fixtures.path("label16.png"))
        }
        #expect(error?.description.contains("stretch it to 0...65535") == true)
        #expect(try Mask.read(Fixtures.path("label16.png")).values == [0, 1, 1, 0])
    }

    @Test("pixels above 127 of a JPEG mask are foreground")
    func jpegMask() throws {
        let image = try Image.read(Fixtures.path("grey.jpg"))
        let mask = try Mask.read(Fixtures.path("grey.jpg"))
        #expect(mask.values == image.pixels.map { $0 > 127 ? 1 : 0 })
    }
}
