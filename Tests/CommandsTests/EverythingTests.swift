import Foundation
import Imaging
import TestSupport
import Testing

@Suite("samus segment --everything")
struct EverythingTests {
    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
    }

    private func everything(_ arguments: String...) throws -> Program.Outcome {
        try samus.start(
            ["segment", Program.frame.path, "--everything", "--output", scratch.path("out")]
                + arguments
        ).outcome()
    }

    @Test(
        "records, masks and overlay agree; a second run replaces nothing",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func results() throws {
        let model = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "samus.safetensors")
        let arguments = [
            "--model", model, "--points-per-side", "4", "--predicted-iou", "0", "--stability", "0",
            "--format", "png,overlay,json",
        ]
        func run(_ more: String...) throws -> Program.Outcome {
            try samus.start(
                [
                    "segment", Program.frame.path, "--everything", "--output", scratch.path("out"),
                ] + arguments + more
            ).outcome()
        }
        let first = try run()
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.output.contains("research use only, not a medical device"))
        let stem = "out/echo-a4c-frame10.everything"
        let data = try Data(contentsOf: scratch.url.appending(path: "\(stem).json"))
        let record = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let annotations = try #require(record["annotations"] as? [[String: Any]])
        #expect(!annotations.isEmpty)
        #expect(record["notice"] as? String == "research use only, not a medical device")
        for (index, annotation) in annotations.enumerated() {
            let name =
                annotations.count > 1
                ? "\(stem).object\(index + 1).mask.png" : "\(stem).mask.png"
            let mask = try Mask.read(scratch.path(name))
            let segmentation = try #require(annotation["segmentation"] as? [String: Any])
            #expect(mask.area == annotation["area"] as? Int)
            #expect(mask.runLength().compressed == segmentation["counts"] as? String)
            #expect(segmentation["size"] as? [Int] == [240, 320])
        }
        #expect(scratch.files("out").count == annotations.count + 2)

        let second = try run()
        #expect(second.code == 73)
        #expect(second.errors.contains("--force"))
        #expect(try run("--force").code == 0)
    }

    @Test(
        "a mask never replaces an input",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func inputs() throws {
        let image = try scratch.write(Data(contentsOf: Program.frame), "out/a.png")
        // The name of a possible mask of the first image.
        let victims = try ["", ".object1", ".object2", ".object3"].map {
            try scratch.write(Data(contentsOf: Program.frame), "out/a.everything\($0).mask.png")
        }
        let model = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "samus.safetensors")
        let before = try victims.map { try Data(contentsOf: URL(filePath: $0)) }
        let outcome = try samus.start(
            ["segment", image] + victims + [
                "--everything", "--points-per-side", "1", "--predicted-iou", "0", "--stability",
                "0", "--model", model, "--format", "png,json", "--force",
                "--output", scratch.path("out"),
            ]
        ).outcome()
        #expect(outcome.code == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("which is an input"))
        #expect(try victims.map { try Data(contentsOf: URL(filePath: $0)) } == before)
    }

    @Test(
        "output that cannot be written is an error",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "no /dev/full here"))
    func fullOutput() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", "'\(samus.executable.path)' info litemedsam > /dev/full 2>/dev/null",
        ]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 73)
    }

    @Test("options that --everything cannot take are refused by name")
    func refusals() throws {
        for (arguments, message) in [
            (["--point", "1,2"], "leave out prompts"),
            (["--multimask"], "leave out prompts"),
            (["--format", "contour"], "png, overlay and json"),
            (["--points-per-side", "0"], "pointsPerSide is 0"),
            (["--stability", "nan"], "stability is nan"),
            (["--crop-layers", "9"], "cropLayers is 9"),
        ] {
            let outcome = try samus.start(
                ["segment", Program.frame.path, "--everything"] + arguments
            ).outcome()
            #expect(outcome.code == 64, "\(arguments)")
            #expect(outcome.errors.contains(message), "\(outcome.errors)")
        }
        let alone = try samus(
            "segment", Program.frame.path, "--point", "1,2", "--points-per-side", "4")
        #expect(alone.code == 64)
        #expect(alone.errors.contains("--points-per-side is an option of --everything"))
    }

    @Test("an image without a confident mask is a result, with a hint")
    func nothing() throws {
        let outcome = try everything(
            "--points-per-side", "1", "--predicted-iou", "1", "--model", "litemedsam")
        #expect(outcome.code == 3)
        #expect(outcome.errors.contains("lower --predicted-iou"))
        #expect(outcome.errors.contains("LiteMedSAM was trained with box prompts"))
        #expect(scratch.files("out").count == 2)
    }
}
