import Foundation
import Imaging
import Testing

@Suite("Images are read as OpenCV reads them")
struct ReadingTests {
    @Test("every kind of PNG and JPEG, to the bit")
    func pixels() throws {
        let sources = try Fixtures.expected().images
        #expect(sources.count > 50)
        // As an image, 16 bits that reach only 256 are refused; OpenCV gives two greys.
        for source in sources where source.file != "label16.png" {
            let image = try Image.read(Fixtures.path(source.file))
            #expect(image == source.image, "\(source.file)")
        }
    }

    @Test("a megapixel bomb is an image where the limits allow it, else an error")
    func bomb() throws {
        let bomb = try Fixtures.bytes("bomb.png")
        #expect(try Image.decode(bomb, name: "bomb").size == Size(height: 6000, width: 6000))
        let limits = ImageLimits(pixels: 1_000_000, bytes: 1 << 20)
        #expect(
            throws: ImageError.tooManyPixels(
                name: "bomb", width: 6000, height: 6000, limit: 1_000_000)
        ) { try Image.decode(bomb, name: "bomb", limits: limits) }
    }

    @Test("compressed text is skipped, not unpacked")
    func textBomb() throws {
        let image = try Image.read(Fixtures.path("text-bomb.png"))
        #expect(image.size == Size(height: 8, width: 8))
    }

    @Test("a mask counts every non-zero number, in 16 bits too")
    func mask() throws {
        let expected = try Fixtures.expected().images
        for source in expected where source.file.hasSuffix("8.png") {
            let mask = try Mask.read(Fixtures.path(source.file))
            let inside = stride(from: 0, to: source.pixels.count, by: source.channels).map { i in
                UInt8(source.pixels[i..<i + source.channels].contains { $0 != 0 } ? 1 : 0)
            }
            #expect(mask.values == inside, "\(source.file)")
        }
        // As an image it would have two greys left of its range.
        let error = #expect(throws: ImageError.self) {
            try Image.read(Fixtures.path("label16.png"))
        }
        #expect(error?.description.contains("stretch it to 0...65535") == true)
        #expect(try Mask.read(Fixtures.path("label16.png")).values == [0, 1, 1, 0])
    }

    @Test("a mask from a JPEG is what is brighter than half")
    func jpegMask() throws {
        let image = try Image.read(Fixtures.path("grey.jpg"))
        let mask = try Mask.read(Fixtures.path("grey.jpg"))
        #expect(mask.values == image.pixels.map { $0 > 127 ? 1 : 0 })
    }
}
