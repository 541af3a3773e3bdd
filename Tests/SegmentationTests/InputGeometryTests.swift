import Imaging
import Segmentation
import Testing

@Suite("Images are fitted into the model's input and masks back")
struct InputGeometryTests {
    @Test(
        "the longest side of an image fills the input",
        arguments: [
            (Size(height: 240, width: 320), Size(height: 192, width: 256)),
            (Size(height: 351, width: 275), Size(height: 256, width: 201)),
            (Size(height: 256, width: 256), Size(height: 256, width: 256)),
            (Size(height: 1, width: 10_000), Size(height: 1, width: 256)),
            (Size(height: 1, width: 1), Size(height: 256, width: 256)),
        ])
    func sizes(original: Size, resized: Size) {
        #expect(
            InputGeometry(original: original, inputSize: 256, preprocessing: .liteMedSAM).resized
                == resized)
    }

    @Test("a uniform image and an image of one pixel give finite values in 0...1")
    func flat() {
        for side in [1, 40] {
            let image = Image(
                width: side, height: side, channels: 1,
                pixels: .init(repeating: 77, count: side * side))
            let planes = InputGeometry(
                original: image.size, inputSize: 256, preprocessing: .liteMedSAM
            ).prepare(image)
            #expect(planes.values.count == 3 * 256 * 256)
            #expect(planes.values.allSatisfy { $0 == 0 })
        }
    }

    @Test("padding is zero, and logits in the padding do not affect the mask")
    func padding() {
        let geometry = InputGeometry(
            original: Size(height: 20, width: 40), inputSize: 256, preprocessing: .liteMedSAM)
        var logits = Planes(
            channels: 1, height: 256, width: 256, values: .init(repeating: -1, count: 256 * 256))
        for index in 128 * 256..<256 * 256 {
            logits.values[index] = 100
        }
        #expect(geometry.restore(logits).area == 0)
        let white = Image(
            width: 40, height: 20, channels: 1,
            pixels: (0..<800).map { $0 == 0 ? 0 : 255 })
        let planes = geometry.prepare(white)
        #expect(planes.values[128 * 256..<256 * 256].allSatisfy { $0 == 0 })
    }

    @Test("a mask converted to logits and back is nearly the same mask")
    func roundTrip() {
        let size = Size(height: 300, width: 400)
        let mask = Mask(
            width: 400, height: 300,
            values: (0..<size.area).map { index in
                let (x, y) = (Double(index % 400) - 220, Double(index / 400) - 130)
                return x * x / 6400 + y * y / 2500 < 1 ? 1 : 0
            })
        let geometry = InputGeometry(original: size, inputSize: 256, preprocessing: .liteMedSAM)
        for side in [256, 64] {
            let logits = geometry.prepare(mask, side: side)
            #expect(logits.size == Size(height: side, width: side))
            let back = geometry.restore(logits)
            let both = zip(mask.values, back.values).count { $0 == 1 && $1 == 1 }
            #expect(2 * Double(both) / Double(mask.area + back.area) > 0.97)
        }
    }

    @Test("points and boxes scale with the image")
    func places() {
        let geometry = InputGeometry(
            original: Size(height: 240, width: 320), inputSize: 256, preprocessing: .liteMedSAM)
        #expect(geometry.prepare(PixelPoint(x: 100, y: 50)) == PixelPoint(x: 80, y: 40))
    }
}
