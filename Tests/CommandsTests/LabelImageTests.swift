import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

/// Several prompts to one label image.
@Suite("samus segment --labels", .serialized)
struct LabelImageTests {
    private let scratch: Scratch
    private let samus = Program()
    private let frame = Program.frame.path
    private let name = "echo-a4c-frame10"

    init() throws {
        scratch = try Scratch()
    }

    private func segment(_ folder: String, _ more: [String]) throws -> Program.Outcome {
        try samus.start(
            ["segment", "--model", scratch.path("tiny.safetensors"), "--output"]
                + [scratch.path(folder)] + more
        ).outcome()
    }

    private func values(_ folder: String) throws -> [Int] {
        try LabelValues.read(scratch.path("\(folder)/\(name).labels.png")).values.map(Int.init)
    }

    private func masks(_ folder: String, _ count: Int) throws -> [[UInt8]] {
        try (1...count).map {
            try Mask.read(scratch.path("\(folder)/\(name).object\($0).mask.png")).values
        }
    }

    private func record(_ folder: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: scratch.path("\(folder)/\(name).json")))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Clicks whose masks overlap, and not one inside the other.
    private let prompts = [
        "--object", "--point", "178,105", "--point", "60,60", "--point", "250,200",
    ]

    @Test(
        "each pixel belongs to one object, the one with the highest logit",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func overlap() throws {
        _ = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "tiny.safetensors")
        let alone = try segment("alone", [frame] + prompts)
        #expect(alone.code == 0, "\(alone.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("alone/\(name).labels.png")))
        let joined = try segment("joined", [frame] + prompts + ["--labels", "left, right,click"])
        #expect(joined.code == 0, "\(joined.errors)")
        let (own, apart) = (try masks("alone", 3), try masks("joined", 3))
        let values = try values("joined")
        let isShared = own[0].indices.filter { place in
            own.count { $0[place] != 0 } > 1
        }
        #expect(!isShared.isEmpty, "the masks of the prompts overlap")
        let wrong = values.indices.filter { place in
            let owners = apart.indices.filter { apart[$0][place] != 0 }
            // Nothing is gained or lost in all, and an owner is one of those that covered the pixel.
            let covering = own.indices.filter { own[$0][place] != 0 }
            return owners.count != min(covering.count, 1)
                || values[place] != (owners.first.map { $0 + 1 } ?? 0)
                || !owners.allSatisfy(covering.contains)
        }
        #expect(wrong.isEmpty)
        let record = try record("joined")
        let labels = try #require(record["labels"] as? [String: Any])
        let entries = try #require(labels["values"] as? [[String: Any]])
        #expect(entries.compactMap { $0["label"] as? String } == ["left", "right", "click"])
        #expect(entries.compactMap { $0["value"] as? Int } == [1, 2, 3])
        let list = try #require(record["masks"] as? [[String: Any]])
        #expect(
            list.map { $0["pixel_area"] as? Int }
                == (1...3).map { value in values.count { $0 == value } })
        #expect(joined.errors.contains("belong to objects with a higher logit"), "\(joined.errors)")
    }

    @Test(
        "labels that are numbers are the values; objects of one label have one value",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func numbers() throws {
        _ = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "tiny.safetensors")
        let numbered = try segment("numbers", [frame] + prompts + ["--labels", "7,3,255"])
        #expect(numbered.code == 0, "\(numbered.errors)")
        #expect(Set(try values("numbers")) == [0, 3, 7, 255])
        let file = scratch.path("prompts.json")
        let text = """
            { "images": [ { "image": "\(frame)", "objects": [
                { "label": "b", "points": [[178, 105]] },
                { "label": "a", "points": [[60, 60]] },
                { "label": "b", "points": [[250, 200]] } ] } ] }
            """
        try Data(text.utf8).write(to: URL(filePath: file))
        let outcome = try segment("file", ["--prompts", file, "--format", "labels,json"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let list = try #require(try record("file")["masks"] as? [[String: Any]])
        #expect(list.compactMap { $0["label_value"] as? Int } == [1, 2, 1])
        #expect(Set(try values("file")) == [0, 1, 2])
        #expect(Set(scratch.files("file")) == ["\(name).labels.png", "\(name).json"])
        // A label image is no input of the next run.
        let again = try segment("again", [scratch.path("file"), "--point", "10,10"])
        #expect(again.code == 66, "\(again.errors)")
    }

    @Test(
        "numbers that cannot be values are refused: a 2 must not become a 1",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func badNumbers() throws {
        _ = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "tiny.safetensors")
        for (labels, words) in [
            ("2,1,300", "300 is no value of a label image"), ("0,1,2", "0 is no value"),
            ("2,lv,1", "all numbers from 1 to 255 or all names"), ("1,01,2", "the same number"),
        ] {
            let outcome = try segment("bad", [frame] + prompts + ["--labels", labels])
            #expect(outcome.code == 66 && outcome.errors.contains(words), "\(outcome.errors)")
            #expect(scratch.files("bad") == [])
        }
    }

    @Test("what does not fit is refused with the reason")
    func refused() throws {
        for (more, words) in [
            (["--box", "1,1,9,9", "--labels", "a"], "add --object"),
            (["--object", "--box", "1,1,9,9", "--labels", "a,b"], "2 names for 1 object"),
            (["--prompt-free", "--labels", "a"], "--labels names the objects"),
            (
                ["--object", "--box", "1,1,9,9", "--labels", "a", "--multimask"],
                "leave out --multimask"
            ),
            (["--box", "1,1,9,9", "--format", "labels", "--uncertainty"], "leave out --multimask"),
        ] {
            let outcome = try segment("refused", [frame] + more)
            #expect(outcome.code == 64 && outcome.errors.contains(words), "\(outcome.errors)")
        }
    }
}
