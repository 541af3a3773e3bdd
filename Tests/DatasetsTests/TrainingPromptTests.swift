import Imaging
import Segmentation
import Testing

@testable import Datasets

@Suite("Training's prompts come from the mask")
struct TrainingPromptTests {
    /// A block of 20x10 pixels at (30, 40) in 100x80.
    let block = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 50, y1: 50))
    let empty = Mask.filled(PixelBox(x0: 0, y0: 0, x1: 0, y1: 0))

    @Test("clicks fall on every pixel of the object, and on no other")
    func clicks() {
        var random = SampleRandom(seed: 1)
        let prompt = TrainingPrompts(of: block).clicks(4000, using: &random)
        #expect(prompt.foregroundPoints.allSatisfy { block.contains($0) })
        #expect(Set(prompt.foregroundPoints).count == 200)
        #expect(prompt.backgroundPoints.isEmpty && prompt.box == nil)
    }

    @Test("negatives lie beside the object, near it when asked")
    func backgroundPoints() {
        var random = SampleRandom(seed: 2)
        let prompts = TrainingPrompts(of: block)
        let anywhere = prompts.clicks(1, backgroundPoints: 500, using: &random).backgroundPoints
        #expect(anywhere.count == 500 && anywhere.allSatisfy { !block.contains($0) })
        let near = prompts.clicks(1, backgroundPoints: 500, within: 5, using: &random)
            .backgroundPoints
        #expect(
            near.allSatisfy {
                !block.contains($0) && 25...54 ~= $0.x && 35...54 ~= $0.y
            })
        // A full box has no background in it.
        let inBox = prompts.clicks(1, backgroundPoints: 5, within: 0, using: &random)
            .backgroundPoints
        #expect(inBox.count == 5 && inBox.allSatisfy { !block.contains($0) })
    }

    @Test("a box is MedSAM's without jitter, and moves by at most its share")
    func boxes() {
        var random = SampleRandom(seed: 3)
        let prompts = TrainingPrompts(of: block)
        let exact = PixelRectangle(x0: 30, y0: 40, x1: 49, y1: 49)
        #expect(prompts.box(jitter: 0, using: &random).box == exact)
        let boxes = (0..<500).compactMap { _ in prompts.box(jitter: 0.2, using: &random).box }
        #expect(boxes.allSatisfy { abs($0.x0 - 30) <= 4 && abs($0.y1 - 49) <= 2 })
        #expect(boxes.contains { $0.x0 < 27 } && boxes.contains { $0.x0 > 33 })
    }

    @Test("boxes of thin objects, at the edge and of full images can be used")
    func usable() throws {
        var random = SampleRandom(seed: 4)
        let boxes = [
            PixelBox(x0: 0, y0: 0, x1: 1, y1: 1), PixelBox(x0: 99, y0: 79, x1: 100, y1: 80),
            PixelBox(x0: 0, y0: 0, x1: 100, y1: 80), PixelBox(x0: 5, y0: 5, x1: 6, y1: 60),
        ]
        for box in boxes {
            for _ in 0..<200 {
                let prompt = TrainingPrompts(of: .filled(box)).box(jitter: 0.5, using: &random)
                let size = Size(height: 80, width: 100)
                #expect(try prompt.checked(for: size).prompt.box == prompt.box)
            }
        }
    }

    @Test("an empty mask gives one background pixel with label 0")
    func nothing() {
        var random = SampleRandom(seed: 5)
        let prompts = TrainingPrompts(of: empty)
        for prompt in [
            prompts.clicks(3, backgroundPoints: 2, using: &random), prompts.box(using: &random),
        ] {
            #expect(
                prompt.foregroundPoints.isEmpty && prompt.backgroundPoints.count == 1
                    && prompt.box == nil)
        }
        let full = TrainingPrompts(of: .filled(PixelBox(x0: 0, y0: 0, x1: 100, y1: 80)))
        #expect(full.clicks(1, backgroundPoints: 1, using: &random).backgroundPoints.isEmpty)
    }

    @Test("a correction goes where most is wrong")
    func corrections() {
        var random = SampleRandom(seed: 6)
        let left = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 36, y1: 50))
        let more = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 90, y1: 50))
        let first = Prompt(foregroundPoints: [PixelPoint(x: 31, y: 41)])
        for how in CorrectionClick.allCases {
            let missed = how.added(to: first, prediction: left, mask: block, using: &random)
            #expect(missed.foregroundPoints.count == 2 && missed.backgroundPoints.isEmpty)
            #expect(
                36...49 ~= missed.foregroundPoints[1].x
                    && block.contains(missed.foregroundPoints[1]))
            let excess = how.added(to: first, prediction: more, mask: block, using: &random)
            #expect(
                excess.foregroundPoints == first.foregroundPoints
                    && 50...89 ~= excess.backgroundPoints[0].x)
            #expect(how.added(to: first, prediction: block, mask: block, using: &random) == first)
        }
    }

    @Test("the deepest pixel is the middle of the largest piece; the border is outside")
    func deepest() {
        let square = Mask.filled(PixelBox(x0: 10, y0: 20, x1: 21, y1: 31))
        #expect(square.deepestPixel == PixelPoint(x: 15, y: 25))
        let corner = Mask.filled(PixelBox(x0: 0, y0: 0, x1: 9, y1: 9))
        #expect(corner.deepestPixel == PixelPoint(x: 4, y: 4))
        #expect(empty.deepestPixel == nil)
    }

    @Test("the same numbers give the same prompt")
    func seeded() {
        func drawn(_ seed: UInt64) -> Prompt {
            var random = SampleRandom(seed: seed, 1, 2)
            return TrainingPrompts(of: block).clicks(
                3, backgroundPoints: 3, within: 9, using: &random)
        }
        #expect(drawn(1) == drawn(1))
        #expect(drawn(1) != drawn(2))
    }
}

extension Mask {
    fileprivate static func filled(_ box: PixelBox) -> Mask {
        var values = [UInt8](repeating: 0, count: 8000)
        for y in box.y0..<box.y1 {
            for x in box.x0..<box.x1 { values[y * 100 + x] = 1 }
        }
        return Mask(width: 100, height: 80, values: values)
    }

    fileprivate func contains(_ point: PixelPoint) -> Bool {
        values[Int(point.y) * width + Int(point.x)] != 0
    }
}
