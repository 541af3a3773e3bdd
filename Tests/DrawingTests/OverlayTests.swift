import Drawing
import Imaging
import Testing

@Suite("Overlays draw masks, prompts and captions")
struct OverlayTests {
    private func disc(_ size: Size, radius: Double) -> Mask {
        let (cx, cy) = (Double(size.width) / 2, Double(size.height) / 2)
        return Mask(
            width: size.width, height: size.height,
            values: (0..<size.area).map { i in
                let dx = Double(i % size.width) + 0.5 - cx
                let dy = Double(i / size.width) + 0.5 - cy
                return dx * dx + dy * dy < radius * radius ? 1 : 0
            })
    }

    private func flat(_ size: Size, grey: UInt8 = 60) -> Image {
        Image(
            width: size.width, height: size.height, channels: 1,
            pixels: [UInt8](repeating: grey, count: size.area))
    }

    private func colour(_ image: Image, _ x: Int, _ y: Int) -> [UInt8] {
        let start = 3 * (y * image.width + x)
        return Array(image.pixels[start..<start + 3])
    }

    @Test("a mask's edge is coloured inside and light outside, and other pixels are unchanged")
    func edge() {
        let size = Size(height: 300, width: 300)
        var values = [UInt8](repeating: 0, count: size.area)
        for y in 100..<200 { for x in 100..<200 { values[y * 300 + x] = 1 } }
        let mask = Mask(width: 300, height: 300, values: values)
        let drawn = Overlay(objects: [OverlayObject(mask: mask)]).draw(on: flat(size))
        #expect(colour(drawn, 100, 150) == [86, 180, 233])
        #expect(colour(drawn, 101, 150) == [86, 180, 233])
        #expect(colour(drawn, 99, 150).allSatisfy { $0 > 180 })
        #expect(colour(drawn, 97, 150) == [60, 60, 60])
        #expect(colour(drawn, 150, 150) == [67, 93, 107])
        #expect(drawn.channels == 3 && drawn.width == 300 && drawn.height > 300)
    }

    @Test("an outline is drawn tile by tile without a seam, also along the image's border")
    func tiles() {
        let size = Size(height: 700, width: 900)
        var values = [UInt8](repeating: 0, count: size.area)
        // Touches the left border; the tiles of 256 pixels begin at its upper left corner.
        for y in 50..<650 { for x in 0..<800 { values[y * size.width + x] = 1 } }
        let mask = Mask(width: size.width, height: size.height, values: values)
        let drawn = Overlay(objects: [OverlayObject(mask: mask)]).draw(on: flat(size))
        let same = Overlay(objects: [OverlayObject(runLength: mask.runLength())])
        #expect(same.draw(on: flat(size)) == drawn)
        // All rows and all columns far from the corners look alike.
        let row = (0..<size.width).map { colour(drawn, $0, 100) }
        for y in 101..<600 { #expect((0..<size.width).map { colour(drawn, $0, y) } == row) }
        let column = (0..<size.height).map { colour(drawn, 100, $0) }
        for x in 101..<750 { #expect((0..<size.height).map { colour(drawn, x, $0) } == column) }
        // A line along the image's border, where the object may go on.
        #expect(row[0] == [86, 180, 233] && row[799] == [86, 180, 233] && row[400] != row[0])
        #expect(row[800].allSatisfy { $0 > 180 } && row[899] == [60, 60, 60])
    }

    @Test("without a tint, the image inside the edge is unchanged")
    func untinted() {
        let size = Size(height: 300, width: 300)
        let object = OverlayObject(mask: disc(size, radius: 60))
        let drawn = Overlay(objects: [object], fillsMasks: false).draw(on: flat(size))
        #expect(colour(drawn, 150, 150) == [60, 60, 60])
        #expect(colour(drawn, 150, 91) == [86, 180, 233])
    }

    @Test("foreground points are green and background points red, centred on their pixel")
    func points() {
        let size = Size(height: 256, width: 256)
        let object = OverlayObject(
            foregroundPoints: [PixelPoint(x: 60, y: 60)],
            backgroundPoints: [PixelPoint(x: 180, y: 60)])
        let drawn = Overlay(objects: [object]).draw(on: flat(size))
        #expect(colour(drawn, 60, 60) == [255, 255, 255])
        #expect(colour(drawn, 63, 63) == [0, 170, 60])
        #expect(colour(drawn, 183, 63) == [220, 30, 40])
        #expect(colour(drawn, 60, 62) == [255, 255, 255])
        #expect(colour(drawn, 180, 62) == [220, 30, 40])
    }

    @Test("a box prompt has the colour of a foreground point, whatever the object's colour")
    func boxColour() {
        let box = PixelRectangle(x0: 100, y0: 90, x1: 160, y1: 150)
        for before in 0..<3 {
            let others = [OverlayObject](repeating: OverlayObject(), count: before)
            let overlay = Overlay(objects: others + [OverlayObject(box: box)])
            #expect(
                colour(overlay.draw(on: flat(Size(height: 256, width: 256))), 103, 90)
                    == [0, 170, 60])
        }
    }

    @Test("seven objects have different colours")
    func colours() {
        let size = Size(height: 256, width: 256)
        let mask = disc(size, radius: 50)
        let drawn = (0..<7).map { index in
            let before = [OverlayObject](repeating: OverlayObject(), count: index)
            let overlay = Overlay(objects: before + [OverlayObject(mask: mask)])
            return colour(overlay.draw(on: flat(size)), 128, 128)
        }
        #expect(Set(drawn).count == 7)
    }

    @Test(
        "images of any size, and prompts at the edge, outside and at NaN, are drawn without a trap")
    func sizes() {
        for (height, width) in [(1, 1), (32, 32), (1, 400), (400, 1), (33, 90), (500, 700)] {
            let size = Size(height: height, width: width)
            let object = OverlayObject(
                mask: disc(size, radius: Double(min(height, width)) / 3 + 1),
                foregroundPoints: [
                    PixelPoint(x: 0, y: 0), PixelPoint(x: -1e300, y: 1e300),
                    PixelPoint(x: .nan, y: 0), PixelPoint(x: .infinity, y: 0),
                ],
                backgroundPoints: [PixelPoint(x: Double(width - 1), y: Double(height - 1))],
                box: PixelRectangle(x0: 1e9, y0: -5, x1: -3, y1: Double(height) * 2),
                label: "a label that is longer than it should be \u{2764}")
            let drawn = Overlay(objects: [object, object], caption: "words").draw(on: flat(size))
            #expect(drawn.width >= 128 && max(drawn.width, drawn.height) >= 256)
            #expect(drawn.width >= width && drawn.height > height)
        }
    }

    @Test("the strip has the research notice, with and without a caption")
    func notice() {
        let size = Size(height: 256, width: 256)
        let bare = Overlay(objects: []).draw(on: flat(size))
        let captioned = Overlay(objects: [], caption: "words").draw(on: flat(size))
        let strip = PixelBox(x0: 0, y0: 256, x1: 256, y1: bare.height)
        let rows = captioned.height - bare.height
        let below = PixelBox(x0: 0, y0: 256 + rows, x1: 256, y1: captioned.height)
        #expect(rows > 0)
        // Apart from the margin above, the last line is the notice in both.
        let line = PixelBox(x0: 0, y0: 3, x1: 256, y1: bare.height - 256)
        let notice = bare.cropped(to: strip).cropped(to: line)
        #expect(captioned.cropped(to: below).cropped(to: line) == notice)
        let inkedColumns = Set(
            notice.pixels.indices.filter { notice.pixels[$0] > 200 }.map { $0 / 3 % 256 })
        #expect((100...200).contains(inkedColumns.count))
    }

    @Test("a sheet has all images, each above its caption")
    func sheet() {
        let tiles = [
            (image: flat(Size(height: 300, width: 400), grey: 50), caption: "one"),
            (image: flat(Size(height: 280, width: 300), grey: 90), caption: "two"),
            (image: flat(Size(height: 20, width: 30), grey: 130), caption: ""),
        ]
        let sheet = sideBySide(tiles, columns: 2)
        let gap = 4
        #expect(sheet.width == 2 * 400 + gap)
        #expect(colour(sheet, 0, 0) == [50, 50, 50])
        #expect(colour(sheet, 400 + gap, 0) == [90, 90, 90])
        // The small one is enlarged thirteen times.
        let second = 300 + 16 + gap
        #expect(colour(sheet, 0, second) == [130, 130, 130])
        #expect(colour(sheet, 389, second + 259) == [130, 130, 130])
        #expect(colour(sheet, 391, second + 259) != [130, 130, 130])
        #expect(sideBySide(tiles).height < sheet.height)
    }
}
