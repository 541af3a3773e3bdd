import Foundation
import Imaging
import Testing

@Suite("Conversion to grey and resizing equal OpenCV, Pillow and PyTorch")
struct ResizingTests {
    let expected: Expected

    init() throws { expected = try Fixtures.expected() }

    @Test("conversion to grey equals OpenCV's")
    func grey() {
        let colours = expected.colours
        let image = Image(
            width: colours.width, height: colours.height, channels: 3,
            pixels: Array(colours.pixels))
        #expect(image.grey(.conversion).pixels == Array(colours.grey))
        #expect(image.grey().pixels == Array(colours.readGrey))
        #expect(image.grey().rgb().grey() == image.grey())
    }

    @Test("bilinear, bicubic and nearest resizing equal Pillow's and OpenCV's bit for bit")
    func pillow() {
        for entry in expected.pillow {
            let image = Image(
                width: entry.width, height: entry.height, channels: entry.channels,
                pixels: Array(entry.pixels))
            let size = Size(height: entry.newHeight, width: entry.newWidth)
            #expect(image.resizedLikePillow(to: size).pixels == Array(entry.bilinear), "\(size)")
            #expect(image.resizedNearest(to: size).pixels == Array(entry.nearest), "\(size)")
            #expect(
                image.resizedLikePillow(to: size, filter: .bicubic).pixels
                    == Array(entry.bicubic), "\(size)")
            #expect(
                image.resizedNearestLikeOpenCV(to: size).pixels == Array(entry.nearestOpenCV),
                "\(size)")
        }
        let colour = Image(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
        #expect(colour.reversingChannels().pixels == [3, 2, 1, 6, 5, 4])
    }

    @Test(
        "bilinear resizing equals PyTorch's within 2e-6 for values around 4",
        arguments: [false, true])
    func torch(antialias: Bool) {
        for entry in expected.torch {
            let planes = Planes(
                channels: entry.channels, height: entry.height, width: entry.width,
                values: entry.values.floats)
            let size = Size(height: entry.newHeight, width: entry.newWidth)
            let resized = planes.resizedLikeTorch(to: size, antialias: antialias)
            let golden = (antialias ? entry.antialiased : entry.plain).floats
            #expect(resized.size == size && resized.channels == entry.channels)
            #expect(largestDifference(resized.values, golden) <= 2e-6, "\(size)")
        }
    }

    @Test("LiteMedSAM's preprocessing equals the reference within 1e-6")
    func prepared() {
        for entry in expected.prepared {
            let image = Image(
                width: entry.width, height: entry.height, channels: entry.channels,
                pixels: Array(entry.pixels))
            let size = Size(height: entry.newHeight, width: entry.newWidth)
            let prepared = image.planes().resizedLikeTorch(to: size, antialias: true)
                .minMaxNormalized()
            #expect(largestDifference(prepared.values, entry.prepared.floats) <= 1e-6)
        }
    }

    @Test("padding and cropping keep the top left corner")
    func cropAndPad() {
        let image = Image(width: 3, height: 2, channels: 1, pixels: [1, 2, 3, 4, 5, 6])
        let padded = image.padded(to: Size(height: 3, width: 4), value: 9)
        #expect(padded.pixels == [1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9, 9])
        #expect(padded.cropped(to: PixelBox(x0: 0, y0: 0, x1: 3, y1: 2)) == image)
        #expect(padded.cropped(to: PixelBox(x0: 1, y0: 1, x1: 3, y1: 3)).pixels == [5, 6, 9, 9])
        let planes = image.planes()
        #expect(planes.padded(to: Size(height: 3, width: 4)).cropped(to: image.size) == planes)
        let colour = Image(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
        #expect(colour.planes().values == [1, 4, 2, 5, 3, 6])
    }

    @Test("constant planes are normalized to zero")
    func flat() {
        let flat = Planes(channels: 1, height: 1, width: 2, values: [7, 7])
        #expect(flat.minMaxNormalized().values == [0, 0])
    }

    private func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }
}

@Suite(
    "Preprocessing equals that of the SAMUS authors",
    .enabled(if: Fixtures.hasGolden, Comment(rawValue: Fixtures.noGolden)))
struct GoldenPreprocessingTests {
    private func read(_ name: String) throws -> Image {
        try Image.read(Fixtures.golden.appending(path: name + ".png").path)
    }

    @Test("conversion to grey has the rounding of OpenCV")
    func grey() throws {
        #expect(try read("random-rgb").grey() == read("random-rgb-grey"))
    }

    @Test(
        "resized images and labels are equal bit for bit",
        arguments: ["breast-tall", "nerve-wide", "fetal", "carotid", "liver"])
    func resized(name: String) throws {
        let size = Size(height: 256, width: 256)
        let source = try read(name + "-grey-source")
        #expect(try source.resizedLikePillow(to: size) == read(name + "-image256"))
        let label = try read(name + "-label-source").resizedNearest(to: size)
        #expect(try label == read(name + "-label256"))
        // The smaller label was made from the larger one.
        let small = label.resizedNearest(to: Size(height: 128, width: 128))
        #expect(try small == read(name + "-label128"))
    }
}
