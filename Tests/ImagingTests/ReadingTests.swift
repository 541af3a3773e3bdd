import Foundation
import Imaging
import TestSupport
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

    @Test("the upper half of a grey mask is foreground; class numbers of 16 bits are")
    func mask() throws {
        let expected = try Fixtures.expected().images
        for source in expected
        where source.file.hasSuffix("8.png") && !source.file.hasPrefix("palette") {
            let mask = try Mask.read(Fixtures.path(source.file))
            let inside = stride(from: 0, to: source.pixels.count, by: source.channels).map { i in
                UInt8(source.pixels[i..<i + source.channels].contains { $0 > 127 } ? 1 : 0)
            }
            #expect(mask.values == inside, "\(source.file)")
        }
        // As an image it would have only two grey levels.
        let error = #expect(throws: ImageError.self) {
            try Image.read(Fixtures.path("label16.png"))
        }
        #expect(error?.description.contains("stretch it to 0...65535") == true)
        for value in [1, 256] as [UInt16] {
            let deep = PNGBytes.grey16(width: 2, values: [0, value, value, 0])
            #expect(try Mask.decode(deep, name: "deep").values == [0, 1, 1, 0])
        }
    }

    @Test(
        "one rule decides what is foreground",
        arguments: [
            ([0, 1, 1], [0, 1, 1], nil), ([0, 2, 0], [0, 1, 0], nil),
            ([0, 16, 0], [0, 1, 0], nil),
            ([0, 255, 0], [0, 1, 0], nil), ([0, 65535, 0], [0, 1, 0], nil),
            ([0, 127, 128], [0, 0, 1], "2 grey values; those above 127 are inside"),
            ([0, 32767, 32768], [0, 0, 1], "2 grey values; those above 32767 are inside"),
            ([0, 50, 100], [0, 0, 0], "only values above 127 are inside: its mask is empty"),
            ([0, 1, 2], [0, 1, 1], "the values 1 to 2; all except 0 count as one class"),
        ] as [([UInt16], [UInt8], String?)])
    func rule(values: [UInt16], foreground: [UInt8], note: String?) {
        let found = LabelValues(width: 3, height: 1, values: values).mask()
        #expect(found.mask.values == foreground)
        #expect((found.note == nil) == (note == nil))
        if let note { #expect(found.note?.contains(note) == true, "\(found.note ?? "")") }
    }

    @Test("the given full value moves the threshold; values along an outline are no classes")
    func fullValue() {
        let values: [UInt16] = [0, 8, 9, 16]
        let label = LabelValues(width: 4, height: 1, values: values)
        #expect(label.mask(fullValue: 16).mask.values == [0, 0, 1, 1])
        #expect(label.flatLevels == [16])
        let flat = LabelValues(
            width: 3, height: 6,
            values: [UInt16](repeating: 85, count: 9) + [UInt16](repeating: 170, count: 9))
        #expect(flat.flatLevels == [85, 170])
    }

    @Test("palette masks are read by index, grey palettes by their grey values")
    func palettes() throws {
        func label(_ indices: [UInt8], _ colours: [[UInt8]]) throws -> LabelValues {
            try LabelValues.decode(
                PNGBytes.palette(width: 3, indices: indices, colours: colours), name: "palette")
        }
        let black: [UInt8] = [0, 0, 0]
        let classes = try label([0, 1, 2, 1, 0, 2], [black, [128, 0, 0], [0, 128, 0]])
        #expect(classes.values == [0, 1, 2, 1, 0, 2] && classes.colours == 0)
        #expect(try classes.classes(count: 3).pixels == [0, 1, 2, 1, 0, 2])
        let grey = try label([0, 1, 1, 0, 0, 1], [[255, 255, 255], black])
        #expect(grey.values == [255, 0, 0, 255, 255, 0])
        #expect(throws: ImageError.self) {
            try label([0, 1, 1, 0, 0, 1], [[255, 0, 0], black])
        }
    }

    @Test("class numbers of 16 bits are kept; JPEG, colours and numbers above 255 are refused")
    func classes() throws {
        let deep = PNGBytes.grey16(width: 2, values: [0, 1, 255, 2])
        let label = try LabelValues.decode(deep, name: "deep")
        #expect(try label.classes(count: 256).pixels == [0, 1, 255, 2])
        let large = LabelValues(width: 2, height: 1, values: [0, 300])
        #expect(throws: LabelValuesError.unknownClass(300, classes: 4)) {
            try large.classes(count: 4)
        }
        #expect(throws: LabelValuesError.lossy(classes: 4)) {
            try LabelValues.read(Fixtures.path("grey.jpg")).classes(count: 4)
        }
    }

    @Test("pixels above 127 of a JPEG mask are foreground")
    func jpegMask() throws {
        let image = try Image.read(Fixtures.path("grey.jpg"))
        let mask = try Mask.read(Fixtures.path("grey.jpg"))
        #expect(mask.values == image.pixels.map { $0 > 127 ? 1 : 0 })
    }
}
