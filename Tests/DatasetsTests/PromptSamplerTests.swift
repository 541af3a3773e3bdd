import Foundation
import Imaging
import Segmentation
import TestSupport
import Testing

@testable import Datasets

@Suite("PromptSampler makes prompts from labels as the authors do")
struct PromptSamplerTests {
    /// A block of 20x10 pixels at (30, 40) in an image of 100x80 pixels.
    let block = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 50, y1: 50))
    let empty = Mask.filled(PixelBox(x0: 0, y0: 0, x1: 0, y1: 0))

    @Test("the fixed click is on the middle pixel in row-major order")
    func fixedClick() {
        let mask = mask("..##", "#..#", "....")
        #expect(mask.middlePixel() == PixelPoint(x: 0, y: 1))
        #expect(mask.middlePixel(inside: false) == PixelPoint(x: 0, y: 2))
        #expect(drawn(.fixedClick, on: mask).foregroundPoints == [PixelPoint(x: 0, y: 1)])
    }

    @Test(
        "the fixed click equals the authors' on their images",
        .enabled(if: Shared.isPresent, "no ../shared"))
    func authorsClicks() throws {
        struct Entry: Decodable {
            let name: String
            let fixed_click_xy_256: [Double]
        }
        let folder = Shared.folder.appending(path: "golden/preprocessing")
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
        // All but this image have labels of one class.
        for entry in entries where entry.name != "nerve-wide" {
            let mask = try Mask.read(folder.appending(path: "\(entry.name)-label256.png").path)
            let click = PixelPoint(x: entry.fixed_click_xy_256[0], y: entry.fixed_click_xy_256[1])
            #expect(mask.middlePixel() == click, "\(entry.name)")
        }
    }

    @Test("a box reaches from the first pixel's centre to the last one's, and grows by its extent")
    func box() {
        let mask = mask("......", ".###..", ".####.", "......", "......")
        #expect(drawn(.box(), on: mask).box == PixelRectangle(x0: 1, y0: 1, x1: 4, y1: 2))
        #expect(
            drawn(.box(growth: 0.5), on: mask).box
                == PixelRectangle(x0: 0, y0: 0.5, x1: 5, y1: 2.5))
    }

    @Test("the box of a published example", .enabled(if: Shared.isPresent, "no ../shared"))
    func publishedBox() throws {
        let label = Shared.folder.appending(path: "data/Breast-BUSI/label/benign0021.png")
        let box = try Mask.read(label.path).promptBox
        #expect(box == PixelRectangle(x0: 275, y0: 124, x1: 339, y1: 161))
    }

    @Test("a box around one pixel has an area, also in a corner")
    func smallBox() {
        for mask in [mask("...", ".#.", "..."), mask("..", ".#"), mask("#")] {
            var random = SampleRandom(seed: 1)
            let prompts = PromptSampler(.box()).prompts(for: mask, using: &random)
            #expect(prompts?.count == 1 && prompts?[0].prompt.box != nil)
        }
    }

    @Test("clicks fall on every pixel of the object and on no other")
    func clicks() {
        let prompt = drawn(.clicks(4000), on: block)
        #expect(prompt.foregroundPoints.count == 4000)
        #expect(prompt.foregroundPoints.allSatisfy { block.contains($0) })
        #expect(Set(prompt.foregroundPoints).count == 200)
        #expect(prompt.backgroundPoints.isEmpty && prompt.box == nil)
    }

    @Test("random:N gives N prompts of one click each")
    func randomClicks() {
        var random = SampleRandom(seed: 3)
        let prompts = PromptSampler(.randomClicks(50)).prompts(for: block, using: &random) ?? []
        #expect(prompts.count == 50)
        #expect(prompts.allSatisfy { $0.prompt.foregroundPoints.count == 1 })
        #expect(prompts.allSatisfy { block.contains($0.prompt.foregroundPoints[0]) })
    }

    @Test("background:N gives one click on the object and N on the background")
    func backgroundPoints() {
        let prompt = drawn(.backgroundPoints(500), on: block)
        #expect(prompt.foregroundPoints.count == 1 && block.contains(prompt.foregroundPoints[0]))
        #expect(prompt.backgroundPoints.count == 500)
        #expect(prompt.backgroundPoints.allSatisfy { !block.contains($0) })
        let full = Mask.filled(PixelBox(x0: 0, y0: 0, x1: 100, y1: 80))
        #expect(drawn(.backgroundPoints(1), on: full).backgroundPoints.isEmpty)
    }

    @Test("box+click gives both, prompt-free nothing")
    func combined() {
        let prompt = drawn(.boxAndClick, on: block)
        #expect(prompt.box == block.promptBox)
        #expect(prompt.foregroundPoints.count == 1 && block.contains(prompt.foregroundPoints[0]))
        #expect(drawn(.promptFree, on: block) == Prompt())
        var random = SampleRandom(seed: 1)
        #expect(PromptSampler(.promptFree).prompts(for: block, using: &random) == nil)
    }

    @Test("corrections start with a box or a click")
    func firstPromptOfCorrections() {
        var random = SampleRandom(seed: 1)
        let kinds = (0..<100).map { _ in
            PromptSampler(.corrections(2)).prompt(for: block, using: &random).kinds
        }
        #expect(Set(kinds) == [[.box], [.click]])
    }

    @Test("jitter moves each side of a box by at most its fraction")
    func jitter() {
        var random = SampleRandom(seed: 3)
        let sampler = PromptSampler(.box(), boxJitter: 0.2)
        let boxes = (0..<500).compactMap { _ in sampler.prompt(for: block, using: &random).box }
        #expect(boxes.count == 500)
        #expect(boxes.allSatisfy { abs($0.x0 - 30) <= 4 && abs($0.y1 - 49) <= 2 })
        #expect(boxes.contains { $0.x0 < 27 } && boxes.contains { $0.x0 > 33 })
    }

    @Test("jittered boxes of thin objects, at the edge and of full images are valid prompts")
    func jitterAtTheEdge() throws {
        var random = SampleRandom(seed: 4)
        let boxes = [
            PixelBox(x0: 0, y0: 0, x1: 1, y1: 1), PixelBox(x0: 99, y0: 79, x1: 100, y1: 80),
            PixelBox(x0: 0, y0: 0, x1: 100, y1: 80), PixelBox(x0: 5, y0: 5, x1: 6, y1: 60),
        ]
        let sampler = PromptSampler(.box(), boxJitter: 0.5)
        for box in boxes {
            for _ in 0..<200 {
                let prompt = sampler.prompt(for: .filled(box), using: &random)
                let size = Size(height: 80, width: 100)
                #expect(try prompt.checked(for: size).prompt.box == prompt.box)
            }
        }
    }

    @Test(
        "an empty label gives one background click for each prompt",
        arguments: [
            PromptStrategy.fixedClick, .randomClicks(3), .clicks(3), .backgroundPoints(2), .box(),
            .box(growth: 0.1), .boxAndClick, .corrections(2),
        ])
    func emptyLabel(strategy: PromptStrategy) {
        for jitter in [0, 0.1] {
            var random = SampleRandom(seed: 1)
            let sampler = PromptSampler(strategy, boxJitter: jitter)
            let prompts = sampler.prompts(for: empty, using: &random) ?? []
            #expect(prompts.count == strategy.promptCount)
            for prompt in prompts.map(\.prompt) {
                #expect(prompt.foregroundPoints.isEmpty && prompt.box == nil)
                #expect(prompt.backgroundPoints.count == 1)
            }
        }
    }

    @Test("a correction is placed in the larger error")
    func corrections() {
        var random = SampleRandom(seed: 6)
        let left = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 36, y1: 50))
        let more = Mask.filled(PixelBox(x0: 30, y0: 40, x1: 90, y1: 50))
        for _ in 0..<50 {
            let missed = PromptSampler.correction(of: left, mask: block, using: &random)
            #expect(missed.foregroundPoints.count == 1 && missed.backgroundPoints.isEmpty)
            #expect(
                36...49 ~= missed.foregroundPoints[0].x
                    && block.contains(missed.foregroundPoints[0]))
            let excess = PromptSampler.correction(of: more, mask: block, using: &random)
            #expect(excess.foregroundPoints.isEmpty && 50...89 ~= excess.backgroundPoints[0].x)
        }
        #expect(PromptSampler.correction(of: block, mask: block, using: &random) == Prompt())
    }

    /// The draws of training and evaluation depend on these numbers: a change breaks the resuming
    /// of runs and the comparison of reports.
    @Test("the draws of a seed stay the same between versions")
    func recordedDraws() {
        #expect(drawn(.clicks(2), on: block).foregroundPoints == recorded.clicks)
        #expect(drawn(.backgroundPoints(1), on: block).backgroundPoints == recorded.background)
        var random = SampleRandom(seed: 7, 1, 2)
        let box = PromptSampler(.box(), boxJitter: 0.1).prompt(for: block, using: &random).box
        #expect(box == recorded.box)
    }

    private let recorded = (
        clicks: [PixelPoint(x: 40, y: 44), PixelPoint(x: 38, y: 45)],
        background: [PixelPoint(x: 76, y: 42)],
        box: PixelRectangle(
            x0: 29.81658031766006, y0: 39.93503085364179, x1: 49.154148412822586,
            y1: 49.4212679546709)
    )

    private func drawn(_ strategy: PromptStrategy, on mask: Mask) -> Prompt {
        var random = SampleRandom(seed: 7, 1, 2)
        return PromptSampler(strategy).prompt(for: mask, using: &random)
    }

    private func mask(_ rows: String...) -> Mask {
        Mask(
            width: rows[0].count, height: rows.count,
            values: rows.joined().map { $0 == "#" ? 1 : 0 })
    }
}

extension Mask {
    /// A mask of 100 x 80 pixels with one filled box.
    static func filled(_ box: PixelBox) -> Mask {
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
