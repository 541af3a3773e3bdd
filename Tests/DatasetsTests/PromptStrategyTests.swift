import Datasets
import Foundation
import Segmentation
import Testing

@Suite("PromptStrategy has one text form")
struct PromptStrategyTests {
    @Test(
        "the text form is read and written",
        arguments: [
            ("fixed", PromptStrategy.fixedClick), ("random:5", .randomClicks(5)),
            ("click", .clicks(1)), ("clicks:3", .clicks(3)), ("background:2", .backgroundPoints(2)),
            ("box", .box()), ("box:10%", .box(growth: 0.1)), ("box:2.5%", .box(growth: 0.025)),
            ("box+click", .boxAndClick), ("corrections:2", .corrections(2)),
            ("prompt-free", .promptFree),
        ])
    func text(text: String, strategy: PromptStrategy) {
        #expect(PromptStrategy(text) == strategy)
        #expect(strategy.description == text)
    }

    @Test("words of former versions are read, with a note")
    func formerWords() {
        #expect(PromptStrategy("none") == .promptFree)
        #expect(PromptStrategy("negatives:2") == .backgroundPoints(2))
        #expect(
            PromptStrategy.noteOnFormerWords(in: "click*3,negatives:2,none*0.5")
                == "'none' is now 'prompt-free', 'negatives' is now 'background'; the former word "
                + "will not be accepted by the next release")
        #expect(PromptStrategy.noteOnFormerWords(in: "fixed,background:2,prompt-free") == nil)
    }

    @Test(
        "other text is refused",
        arguments: [
            "", "random", "random:0", "random:x", "random:1001", "box:10", "box:-1%", "box:nan%",
            "fixed:1", "prompt-free:2", "Box", "clicks:17", "background", "interactive:0", "a:b:c",
        ])
    func refused(text: String) {
        #expect(PromptStrategy(text) == nil)
    }

    @Test("a list is read whole or not at all")
    func list() {
        #expect(
            PromptStrategy.list("fixed, random:5,box:10%")
                == [.fixedClick, .randomClicks(5), .box(growth: 0.1)])
        #expect(PromptStrategy.list("fixed,,box") == nil)
        #expect(PromptStrategy.list("fixed,pointer") == nil)
        #expect(PromptStrategy.list("") == nil)
    }

    @Test("JSON holds the text form")
    func json() throws {
        let data = try JSONEncoder().encode([PromptStrategy.fixedClick, .box(growth: 0.1)])
        #expect(String(decoding: data, as: UTF8.self) == #"["fixed","box:10%"]"#)
        let former = try JSONDecoder().decode([PromptStrategy].self, from: Data(#"["none"]"#.utf8))
        #expect(former == [.promptFree])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([PromptStrategy].self, from: Data(#"["pointer"]"#.utf8))
        }
    }

    @Test("the kinds of prompt are those that a model sees")
    func kinds() {
        #expect(PromptStrategy.box().kinds == [.box])
        #expect(PromptStrategy.backgroundPoints(2).kinds == [.click])
        #expect(PromptStrategy.corrections(1).kinds == [.box, .click, .mask])
        #expect(PromptStrategy.promptFree.kinds.isEmpty)
    }
}
