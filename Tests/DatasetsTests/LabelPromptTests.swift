import Datasets
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("Prompts are made from labels as the authors make them")
struct LabelPromptTests {
    private func mask(_ rows: String...) -> Mask {
        Mask(
            width: rows[0].count, height: rows.count,
            values: rows.joined().map { $0 == "#" ? 1 : 0 })
    }

    @Test(
        "the command line's words come back",
        arguments: ["fixed", "random:5", "box", "box:10%", "box:2.5%", "none"])
    func words(text: String) {
        #expect(LabelPrompt(text)?.description == text)
    }

    @Test(
        "other words are none",
        arguments: [
            "", "random", "random:0", "random:x", "random:1001", "box:10", "box:-1%", "box:nan%",
            "fixed:1", "none:2", "Box",
        ])
    func others(text: String) {
        #expect(LabelPrompt(text) == nil)
    }

    @Test("the fixed click is the middle one in row-major order")
    func middle() {
        let mask = mask("..##", "#..#", "....")
        #expect(mask.middlePixel() == PixelPoint(x: 0, y: 1))
        #expect(mask.middlePixel(inside: false) == PixelPoint(x: 0, y: 2))
    }

    @Test("the authors' own clicks", .enabled(if: Shared.isPresent, "no ../shared"))
    func authors() throws {
        struct Entry: Decodable {
            let name: String
            let fixed_click_xy_256: [Double]
        }
        let folder = Shared.folder.appending(path: "golden/preprocessing")
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
        // The labels of the others have one class.
        for entry in entries where entry.name != "nerve-wide" {
            let mask = try Mask.read(folder.appending(path: "\(entry.name)-label256.png").path)
            let click = PixelPoint(x: entry.fixed_click_xy_256[0], y: entry.fixed_click_xy_256[1])
            #expect(mask.middlePixel() == click, "\(entry.name)")
        }
    }

    @Test("a box goes from the first pixel's centre to the last one's, and grows by its extent")
    func box() {
        let mask = mask("......", ".###..", ".####.", "......", "......")
        #expect(mask.promptBox == PixelRectangle(x0: 1, y0: 1, x1: 4, y1: 2))
        let grown = mask.promptBox?.grown(byShare: 0.5, inside: mask.size)
        #expect(grown == PixelRectangle(x0: 0, y0: 0.5, x1: 5, y1: 2.5))
    }

    @Test("a box around one pixel has an area, also in the corner")
    func smallBox() throws {
        for mask in [mask("...", ".#.", "..."), mask("..", ".#"), mask("#")] {
            var random = SampleRandom(seed: 1)
            let prompts = LabelPrompt.box(growth: 0).prompts(for: mask, using: &random)
            #expect(prompts?.count == 1 && prompts?[0].prompt.box != nil)
        }
    }

    @Test("the box of the published cases", .enabled(if: Shared.isPresent, "no ../shared"))
    func published() throws {
        let label = Shared.folder.appending(path: "data/Breast-BUSI/label/benign0021.png")
        let box = try Mask.read(label.path).promptBox
        #expect(box == PixelRectangle(x0: 275, y0: 124, x1: 339, y1: 161))
    }

    @Test("random clicks lie on the object, and are the same for a seed")
    func random() {
        let mask = mask("..##", "#..#", "....")
        var one = SampleRandom(seed: 3)
        var other = SampleRandom(seed: 3)
        let clicks = LabelPrompt.random(clicks: 50).prompts(for: mask, using: &one)
        #expect(clicks == LabelPrompt.random(clicks: 50).prompts(for: mask, using: &other))
        let places = Set(clicks?.flatMap(\.prompt.foregroundPoints) ?? [])
        #expect(
            places == [
                PixelPoint(x: 2, y: 0), PixelPoint(x: 3, y: 0), PixelPoint(x: 0, y: 1),
                PixelPoint(x: 3, y: 1),
            ])
    }

    @Test(
        "without an object each prompt is one click beside it",
        arguments: [LabelPrompt.fixed, .random(clicks: 3), .box(growth: 0.1)])
    func empty(prompt: LabelPrompt) {
        var random = SampleRandom(seed: 1)
        let prompts = prompt.prompts(for: mask("...", "..."), using: &random) ?? []
        #expect(prompts.count == prompt.count)
        for one in prompts {
            #expect(one.prompt.foregroundPoints.isEmpty && one.prompt.box == nil)
            #expect(one.prompt.backgroundPoints.count == 1)
        }
    }
}
