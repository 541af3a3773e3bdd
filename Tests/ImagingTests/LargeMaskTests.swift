import Testing

@testable import Imaging

@Suite("Masks of large images are computed only where there is something")
struct LargeMaskTests {
    /// Numbers of a linear congruential generator, -1 to 1, smooth enough that most of a plane is
    /// of one sign.
    private func plane(_ size: Size, seed: UInt64, bias: Float) -> Planes {
        var state = seed
        let values = (0..<size.area).map { _ -> Float in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23) + bias
        }
        return Planes(channels: 1, height: size.height, width: size.width, values: values)
    }

    private func noise(_ size: Size, seed: UInt64, bias: Float) -> Mask {
        Mask(thresholding: plane(size, seed: seed, bias: bias), above: 0)
    }

    private static let sizes = [
        Size(height: 1, width: 1), Size(height: 1, width: 37), Size(height: 41, width: 1),
        Size(height: 23, width: 64), Size(height: 64, width: 65), Size(height: 30, width: 19),
    ]

    @Test(
        "the positive part of resized logits is that of all resized logits, bit for bit",
        arguments: sizes, [-0.9, -0.5, 0, 0.9] as [Float])
    func positivePart(size: Size, bias: Float) {
        for (seed, target) in Self.sizes.enumerated() {
            let logits = plane(size, seed: UInt64(seed + 1), bias: bias)
            #expect(
                Mask(positivePartOf: logits, resizedTo: target)
                    == Mask(
                        thresholding: logits.resizedLikeTorch(to: target, antialias: false),
                        above: 0))
        }
    }

    @Test(
        "images are resized to the same numbers with and without a plane of the full size",
        arguments: sizes, [1, 3])
    func planes(size: Size, channels: Int) {
        // Equal rows in the middle, as masks have them.
        let row = (0..<size.width * channels).map { UInt8($0 * 37 % 256) }
        let pixels = (0..<size.height).flatMap { y in
            (5..<20).contains(y) ? row : row.map { $0 &+ UInt8(y) }
        }
        let image = Image(
            width: size.width, height: size.height, channels: channels, pixels: pixels)
        for target in Self.sizes {
            for antialias in [true, false] {
                #expect(
                    image.planes(resizedTo: target, antialias: antialias)
                        == image.planes().resizedLikeTorch(to: target, antialias: antialias))
            }
        }
    }

    @Test(
        "box, area, runs and parts are those of a search of every pixel",
        arguments: sizes, [-0.95, -0.3, 0, 0.95] as [Float])
    func search(size: Size, bias: Float) {
        let mask = noise(size, seed: 7, bias: bias)
        let inside = (0..<size.area).filter { mask.values[$0] != 0 }
        #expect(mask.area == inside.count)
        let columns = inside.map { $0 % size.width }
        let rows = inside.map { $0 / size.width }
        let box = mask.boundingBox
        #expect(box?.x0 == columns.min() && box?.x1 == columns.max().map { $0 + 1 })
        #expect(box?.y0 == rows.min() && box?.y1 == rows.max().map { $0 + 1 })

        var counts = [0]
        var current: UInt8 = 0
        for x in 0..<size.width {
            for y in 0..<size.height {
                let value = mask.values[y * size.width + x]
                if value != current {
                    counts.append(0)
                    current = value
                }
                counts[counts.count - 1] += 1
            }
        }
        let runs = mask.runLength()
        #expect(runs.counts == counts)
        #expect(runs.mask() == mask)
        #expect(runs.boundingBox == box)
        if let box {
            #expect(runs.mask(in: box) == mask.part(in: box))
            #expect(mask.part(in: box).area == mask.area)
        }
        #expect(Mask(filling: mask.contours(), size: size) == mask)
    }
}
