import Checkpoints
import FileIO
import Foundation
import Imaging
import TestSupport
import Testing

/// Several classes in one pass through the whole program: train, resume, evaluate, segment, export.
@Suite("samus train --classes, and models of several classes", .serialized)
struct ClassTests {
    private let scratch: Scratch
    private var samus = Program()
    private static let libraries = Program.package.appending(path: ".deps/openvino/libs")
    private let root = Shared.package.appending(path: "Tests/Fixtures/study").path

    init() throws {
        scratch = try Scratch()
        samus.environment["SAMUS_OPENVINO"] = Self.libraries.path
        samus.environment["SAMUS_CACHE"] = scratch.path("cache")
    }

    private func train(_ name: String, _ more: [String]) throws -> Program.Outcome {
        try samus.start(
            [
                "train", "--data", root, "--recipe", "full", "--network", "canet", "--fraction",
                "0.25", "--validation-fraction", "0.25", "--batch", "2",
                "--project", scratch.path("runs"), "--name", name, "--deterministic",
                "--augment", "none",
            ] + more
        ).outcome()
    }

    private func json(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: scratch.path(path)))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    @Test("what does not fit is refused with the reason")
    func refused() throws {
        for (more, words) in [
            (["--classes", "all"], "choose datasets with equal classes by --sets"),
            (
                ["--sets", "Ring", "--classes", "all", "--network", "samus"],
                "SAMUS segments one object at a time"
            ),
            (
                ["--sets", "Ring", "--classes", "all", "--prompts", "click"],
                "takes no prompts"
            ),
        ] {
            let outcome = try samus.start(
                [
                    "train", "--data", root, "--recipe", "full", "--network", "canet", "--project",
                    scratch.path("runs"), "--dry-run",
                ] + more
            ).outcome()
            #expect(outcome.code != 0 && outcome.errors.contains(words), "\(outcome.errors)")
        }
    }

    @Test("one pass gives every class: in the run folder, in tables, as a label image, in a bundle")
    func throughout() throws {
        let trained = try train("rings", ["--sets", "Ring", "--classes", "all", "--epochs", "1"])
        #expect(trained.code == 0, "\(trained.errors)")
        #expect(trained.output.contains("classes    1 class 1, 2 class 2"), "\(trained.output)")
        let record = try json("runs/rings/run.json")
        let classes = try #require(record["classes"] as? [[String: Any]])
        #expect(classes.compactMap { $0["value"] as? Int } == [1, 2])
        let weights = scratch.path("runs/rings/weights/last.safetensors")
        let checkpoint = try Checkpoint.read(weights)
        #expect(
            checkpoint.metadata["samus.classes"]
                == #"[{"name":"class 1","value":1},{"name":"class 2","value":2}]"#)
        #expect(checkpoint["final.0.weight"]?.shape == [3, 4, 1, 1])
        let columns = try String(
            contentsOfFile: scratch.path("runs/rings/results.csv"), encoding: .utf8)
        #expect(columns.contains("val/dice/Ring#1") && columns.contains("val/dice/Ring#2"))
        // The same weights are a start for the same classes only.
        let other = try train("other", ["--sets", "Disc", "--from", weights])
        #expect(other.code != 0 && other.errors.contains("start without --from"), "\(other.errors)")

        try evaluates(weights)
        try segments(weights, name: "weights")
        let exported = try samus(
            "export", weights, scratch.path("rings.samus"))
        #expect(exported.code == 0, "\(exported.errors)")
        let manifest = try json("rings.samus/model.json")
        #expect(manifest["classes"] as? [String] == ["class 1", "class 2"])
        #expect(manifest["class_values"] as? [Int] == [1, 2])
        guard FileManager.default.fileExists(atPath: Self.libraries.path) else { return }
        try segments(scratch.path("rings.samus"), name: "bundle")
        for (one, other) in zip(try labelImage("weights"), try labelImage("bundle")) {
            #expect(one == other)
        }
        let served = try samus("serve", "--model", scratch.path("rings.samus"), "--port", "0")
        #expect(served.code == 69, "\(served.errors)")
        #expect(served.errors.contains("segments several classes at once"), "\(served.errors)")
    }

    @Test("a run of several classes that was stopped is resumed bit for bit")
    func resumed() throws {
        let options = ["--sets", "Ring", "--classes", "2,1", "--epochs", "2"]
        let whole = try train("whole", options)
        #expect(whole.code == 0, "\(whole.errors)")
        let part = try train("part", options + ["--time-limit", "0"])
        #expect(part.code == 0, "\(part.errors)")
        let resumed = try samus("train", "--resume", scratch.path("runs/part"))
        #expect(resumed.code == 0, "\(resumed.errors)")
        let files = ["whole", "part"].map { scratch.path("runs/\($0)/weights/last.safetensors") }
        #expect(try Checkpoint.read(files[0]).sha256 == Checkpoint.read(files[1]).sha256)
    }

    private func evaluates(_ weights: String) throws {
        let outcome = try samus(
            "evaluate", "--data", root, "--split", "test-Ring", "--model", weights, "--prompt",
            "prompt-free", "--output", scratch.path("eval"), "--limit", "2", "--masks")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let table = try String(contentsOfFile: scratch.path("eval/per_case.csv"), encoding: .utf8)
        for name in ["ring12", "ring13"] {
            #expect(table.contains(name))
        }
        let report = try json("eval/report.json")
        let cases = try #require(report["cases"] as? [[String: Any]])
        #expect(cases.count == 4)
        #expect(cases.compactMap { $0["label"] as? Int } == [1, 2, 1, 2])
        let none = try samus(
            "evaluate", "--data", root, "--split", "test-Disc", "--model", weights, "--prompt",
            "prompt-free", "--output", scratch.path("none"), "--limit", "1")
        #expect(none.code == 0, "class 1 of other data is class 1: \(none.errors)")
    }

    private func segments(_ model: String, name: String) throws {
        let image = root + "/Ring/img/ring12.png"
        let outcome = try samus(
            "segment", image, "--prompt-free", "--model", model, "--output", scratch.path(name))
        #expect([0, 3].contains(outcome.code), "\(outcome.errors)")
        let files = Set(scratch.files(name))
        #expect(
            files == [
                "ring12.json", "ring12.labels.png", "ring12.overlay.png",
                "ring12.object1.mask.png", "ring12.object2.mask.png",
            ], "\(files)")
        let record = try json("\(name)/ring12.json")
        let labels = try #require(record["labels"] as? [String: Any])
        #expect(labels["file"] as? String == "ring12.labels.png")
        let masks = try #require(record["masks"] as? [[String: Any]])
        #expect(masks.compactMap { $0["label"] as? String } == ["class 1", "class 2"])
        #expect(masks.compactMap { $0["label_value"] as? Int } == [1, 2])
        let values = try labelImage(name)
        for (index, mask) in masks.enumerated() {
            #expect(mask["pixel_area"] as? Int == values.count { $0 == index + 1 })
            #expect((mask["iou_estimate"] as? Double).map { (0...1).contains($0) } == true)
            let stored = try Mask.read(scratch.path("\(name)/ring12.object\(index + 1).mask.png"))
            #expect(stored.values.map { $0 == 1 } == values.map { $0 == index + 1 })
        }
    }

    private func labelImage(_ name: String) throws -> [Int] {
        try LabelValues.read(scratch.path("\(name)/ring12.labels.png")).values.map(Int.init)
    }
}
