import Evaluation
import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus evaluate and samus compare")
struct EvaluateTests {
    private let scratch: Scratch
    private let drawn: DrawnData
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
        drawn = try DrawnData(at: scratch.url.appending(path: "data"))
    }

    private func evaluate(_ arguments: String..., into folder: String) throws -> Program.Outcome {
        try samus.start(
            ["evaluate", "--data", drawn.root.path, "--output", scratch.path(folder)] + arguments
        ).outcome()
    }

    /// Another program's masks: the labels, but `Discs/b` shifted and `Discs/d` empty.
    private func makePredictions() throws {
        for (dataset, images) in DrawnData.images {
            for (name, _) in images {
                var label = try Image.read(drawn.path("\(dataset)/label/\(name).png"))
                if name == "b" {
                    label.pixels = Array(
                        label.pixels.suffix(64 * 4) + label.pixels.dropLast(64 * 4))
                } else if name == "d" {
                    label.pixels = label.pixels.map { _ in 0 }
                }
                // One dataset's masks are in its own folder, the other's in the parent folder.
                let file = dataset == "Discs" ? "masks/Discs/\(name).png" : "masks/\(name).png"
                try scratch.write([], file)
                try label.write(to: scratch.path(file))
            }
        }
    }

    @Test("masks of another program are evaluated and compared")
    func predictions() throws {
        try makePredictions()
        let outcome = try evaluate("--predictions", scratch.path("masks"), into: "out")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
            outcome.output.contains("Pairs, class 2, predictions (prompt unknown): Dice 1.0000"))
        #expect(outcome.output.contains("not a medical device"))
        #expect(
            scratch.files("out") == [
                "cases_predictions.png", "per_case.csv", "report.json", "report.md",
            ])
        let report = try String(contentsOfFile: scratch.path("out/report.md"), encoding: .utf8)
        #expect(report.contains("not a medical device"))
        // Discs/d is missed, and Pairs/q has no object of class 2.
        #expect(report.contains("| all datasets | predictions | unknown | 6 | 1 | 0 | 1 |"))
        let json = scratch.path("out/report.json")
        let same = try samus("compare", json, json, "--output", scratch.path("same"))
        #expect(same.code == 0, "\(same.errors)")
        #expect(same.output.contains("| 0/8/0 | 1 (exact) |"), "\(same.output)")
        #expect(
            scratch.files("same") == ["comparison.json", "comparison.md", "comparison.png"])
    }

    @Test("a missing mask is named, the others are evaluated, and the exit code is 1")
    func missing() throws {
        try makePredictions()
        try FileManager.default.removeItem(atPath: scratch.path("masks/Discs/c.png"))
        let outcome = try evaluate("--predictions", scratch.path("masks"), into: "out")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("failed: Discs/c: there is no mask of Discs/c"))
        #expect(outcome.errors.contains("1 of 6 images failed"))
        let report = try String(contentsOfFile: scratch.path("out/report.md"), encoding: .utf8)
        #expect(report.contains("1 image failed and is not in the tables"))
    }

    @Test("masks of another size or with an unknown class are refused one by one")
    func wrongMasks() throws {
        try makePredictions()
        let small = Image(width: 3, height: 2, channels: 1, pixels: [0, 1, 0, 1, 1, 0])
        try small.write(to: scratch.path("masks/Discs/a.png"))
        try Image(width: 64, height: 64, channels: 1, pixels: .init(repeating: 255, count: 4096))
            .write(to: scratch.path("masks/p.png"))
        let outcome = try evaluate("--predictions", scratch.path("masks"), into: "out")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("is 3x2 pixels, its image 64x64"), "\(outcome.errors)")
        #expect(outcome.errors.contains("has the value 255"), "\(outcome.errors)")
    }

    @Test("a report is never replaced without --force")
    func overwriting() throws {
        let arguments = ["--model", "ellipse", "--limit", "1"]
        #expect(try evaluate(arguments[0], "ellipse", "--limit", "1", into: "out").code == 0)
        let before = try Data(contentsOf: URL(filePath: scratch.path("out/report.json")))
        let again = try evaluate(arguments[0], "filled-box", into: "out")
        #expect(again.code == 73 && again.errors.contains("--force"), "\(again.errors)")
        #expect(try Data(contentsOf: URL(filePath: scratch.path("out/report.json"))) == before)
        #expect(try evaluate("--model", "filled-box", "--force", into: "out").code == 0)
    }

    @Test(
        "wrong arguments are refused before any work",
        arguments: [
            "64 --prompt boxes", "64 --prompt box,,fixed", "64 --model ellipse --prompt fixed",
            "64 --split tests", "64 --limit 0", "64 --model ellipse --uncertainty",
            "64 --prompt box --prompt box",
            "66 --predictions /nowhere", "64 --predictions x --prompt box",
            "64 --predictions x --model litemedsam",
            "66 --model ellipse --split test-Nothing",
        ])
    func arguments(line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let arguments = ["evaluate", "--data", drawn.root.path, "-o", scratch.path("out")]
        let outcome = try samus.start(arguments + words.dropFirst()).outcome()
        let code = Int32(words[0])
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(!outcome.errors.isEmpty && scratch.files("out").isEmpty)
    }

    @Test("a folder without data and a file that is not a report are refused")
    func noData() throws {
        let outcome = try samus(
            "evaluate", "--data", scratch.path("none"), "-o", scratch.path("out"), "--model",
            "ellipse")
        #expect(outcome.code == 66 && outcome.errors.contains("US30K"), "\(outcome.errors)")
        let file = try scratch.write(Data("{}".utf8), "x.json")
        let compared = try samus("compare", file, file)
        #expect(compared.code == 66 && compared.errors.contains("is not a report.json"))
    }

    @Test(
        "a network from command line to report", .enabled(if: Shared.isPresent, "no ../shared"))
    func network() throws {
        let weights = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "t.safetensors")
        let outcome = try evaluate(
            "--model", weights, "--prompt", "fixed,random:2", "--limit", "2", "--resolution",
            "model", "--threads", "1", into: "out")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("worst of 2 random clicks (prompted)"))
        let table = try String(contentsOfFile: scratch.path("out/per_case.csv"), encoding: .utf8)
        #expect(table.split(separator: "\n").count == 1 + 2 * 3)
        let intervals = try evaluate(
            "--model", weights, "--prompt", "fixed,box", "--limit", "1", "--threads", "1",
            "--uncertainty", into: "intervals")
        #expect(intervals.code == 0, "\(intervals.errors)")
        let report = try EvaluationReport.read(scratch.path("intervals/report.json"))
        let rows = try #require(report.uncertainty)
        #expect(rows.map(\.count) == [1, 1] && rows.allSatisfy { (0...0.5).contains($0.level) })
        // These weights state no level of their own.
        #expect(rows.allSatisfy { $0.covered == nil })
        let unprompted = try evaluate("--model", weights, "--prompt", "none", into: "other")
        #expect(unprompted.code == 69, "\(unprompted.errors)")
    }
}
