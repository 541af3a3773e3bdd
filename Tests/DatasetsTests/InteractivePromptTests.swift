import Imaging
import Segmentation
import TestSupport
import Testing

@testable import Datasets

@Suite("Interactive prompts are those of a user who corrects a mask")
struct InteractivePromptTests {
    let block = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 50, y1: 50))

    @Test("distances to the edge count steps along rows and columns, from the image's edge too")
    func edgeDistances() {
        let distances = mask("###", "###", "###", "..#").edgeDistances()
        #expect(distances == [1, 1, 1, 1, 2, 1, 1, 1, 1, 0, 0, 1])
        #expect(mask("....").edgeDistances() == [0, 0, 0, 0])
    }

    @Test("clicks lie on the object, and often in its inner quarter")
    func clicks() {
        var random = SampleRandom(seed: 1)
        let points = (0..<2000).compactMap { _ in block.clickedPixel(using: &random) }
        #expect(points.count == 2000)
        #expect(points.allSatisfy { (30..<50).contains($0.x) && (40..<50).contains($0.y) })
        let inner = points.count { (35..<45).contains($0.x) && (42.5..<47.5).contains($0.y) }
        #expect(inner > 600 && inner < 1200)
        #expect(mask("...").clickedPixel(using: &random) == nil)
    }

    @Test("a correction is in the largest connected error")
    func correction() {
        var random = SampleRandom(seed: 2)
        let object = mask("##......", "##......", "........", "....#...")
        let prediction = mask("##......", "##....##", "......##", "........")
        for _ in 0..<20 {
            let click = PromptSampler.correctionOfLargestError(
                in: prediction, mask: object, using: &random)
            #expect(click.foregroundPoints.isEmpty)
            #expect(click.backgroundPoints.allSatisfy { $0.x >= 6 && (1...2).contains($0.y) })
            #expect(click.backgroundPoints.count == 1)
        }
        let missed = PromptSampler.correctionOfLargestError(
            in: mask("........", "........", "........", "....#..."), mask: object, using: &random)
        #expect(missed.foregroundPoints.count == 1 && missed.backgroundPoints.isEmpty)
        #expect(
            PromptSampler.correctionOfLargestError(in: object, mask: object, using: &random)
                == Prompt())
    }

    @Test("the exact correction is in the middle of the largest error")
    func exactCorrection() {
        let object = mask("###.....", "###.....", "###.....", "......#.")
        let empty = mask("........", "........", "........", "........")
        let first = PromptSampler.middleOfLargestError(in: empty, mask: object)
        #expect(first == PromptClick(PixelPoint(x: 1, y: 1), isForeground: true))
        let tooMuch = mask("###..###", "###..###", "###..###", "......#.")
        let second = PromptSampler.middleOfLargestError(in: tooMuch, mask: object)
        #expect(second == PromptClick(PixelPoint(x: 6, y: 1), isForeground: false))
        #expect(PromptSampler.middleOfLargestError(in: object, mask: object) == nil)
    }

    @Test("a prompt on nothing keeps its distance from every object")
    func nothing() throws {
        var random = SampleRandom(seed: 3)
        var boxes = 0
        for _ in 0..<300 {
            let prompt = try #require(
                PromptSampler.promptOnNothing(besides: block, using: &random))
            if let box = prompt.box {
                boxes += 1
                #expect(box.x1 < 30 || box.x0 >= 50 || box.y1 < 40 || box.y0 >= 50)
            }
            for point in prompt.foregroundPoints {
                let margin = Double(PromptSampler.marginOfNothing)
                #expect(
                    point.x < 30 - margin || point.x >= 50 + margin || point.y < 40 - margin
                        || point.y >= 50 + margin)
            }
        }
        #expect(boxes > 30 && boxes < 200)
        let full = Mask(width: 4, height: 4, values: [UInt8](repeating: 1, count: 16))
        #expect(PromptSampler.promptOnNothing(besides: full, using: &random) == nil)
    }

    @Test("an absent object gets a background click, and a narrow image a prompt on nothing")
    func absent() throws {
        var random = SampleRandom(seed: 6)
        let empty = Mask(width: 60, height: 5, values: [UInt8](repeating: 0, count: 300))
        for _ in 0..<50 {
            let prompt = PromptSampler(.interactive(3)).prompt(for: empty, using: &random)
            #expect(prompt.foregroundPoints.isEmpty && prompt.backgroundPoints.count == 1)
            #expect(PromptSampler.promptOnNothing(besides: empty, using: &random) != nil)
        }
    }

    @Test("a box is drawn from 10 % inwards to 20 % outwards, and is often tight")
    func boxes() {
        var random = SampleRandom(seed: 4)
        let sampler = PromptSampler(.interactive(3))
        let boxes = (0..<1000).compactMap { _ in sampler.prompt(for: block, using: &random).box }
        #expect(boxes.count > 400 && boxes.count < 600)
        for box in boxes {
            #expect(box.x0 >= 30 - 0.2 * 19 && box.x0 <= 30 + 0.1 * 19)
            #expect(box.y1 <= 49 + 0.2 * 9 && box.y1 >= 49 - 0.1 * 9)
        }
        #expect(boxes.count { abs($0.x0 - 30) < 0.5 } > boxes.count / 4)
    }

    @Test("pieces are connected, and specks are none")
    func pieces() {
        var random = SampleRandom(seed: 5)
        var values = [UInt8](repeating: 0, count: 40 * 40)
        for y in 0..<20 { for x in 0..<20 { values[y * 40 + x] = 1 } }
        for y in 25..<30 { for x in 25..<30 { values[y * 40 + x] = 1 } }
        values[39 * 40 + 39] = 1
        let mask = Mask(width: 40, height: 40, values: values)
        let areas = Set((0..<50).map { _ in mask.piece(using: &random).area })
        #expect(areas == [400, 25])
        #expect(Mask.smallestPiece(of: 400) == 20)
        #expect(Mask.smallestPiece(of: 10) == 10)
    }

    @Test("the text form is read and written")
    func text() {
        #expect(PromptStrategy("interactive:3") == .interactive(3))
        #expect(PromptStrategy.interactive(3).description == "interactive:3")
        #expect(PromptStrategy.interactive(1).needsModelInLoop)
    }

    private func mask(_ rows: String...) -> Mask {
        Mask(
            width: rows[0].count, height: rows.count,
            values: rows.joined().map { $0 == "#" ? 1 : 0 })
    }
}
