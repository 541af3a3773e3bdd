import Checkpoints
import Foundation
import TestSupport
import Testing

/// Adapters and foundation models through the whole program, in small sizes.
@Suite("samus train --adapter, and the foundation models", .serialized)
struct AdapterTests {
    private let scratch: Scratch
    private let samus = Program()
    private let root: String

    init() throws {
        scratch = try Scratch()
        root = scratch.path("data")
        try MadeUpData.write(to: URL(filePath: root), train: 6, val: 2)
    }

    private func train(_ name: String, _ more: String...) throws -> Program.Outcome {
        try train(name, more)
    }

    private func train(_ name: String, _ more: [String]) throws -> Program.Outcome {
        try samus.start(
            [
                "train", "--data", root, "--epochs", "2", "--batch", "3", "--project",
                scratch.path("runs"), "--name", name, "--deterministic", "--save-every", "0",
            ] + more
        ).outcome()
    }

    private func file(_ name: String, _ weights: String = "last") -> String {
        scratch.path("runs/\(name)/weights/\(weights).safetensors")
    }

    /// Weights of a small SAM with an input of 64 pixels.
    private func sam() throws -> String {
        let outcome = try train(
            "sam", "--recipe", "full", "--network", "sam", "--width", "16", "--depth", "2",
            "--heads", "2", "--global-blocks", "1", "--input-size", "64", "--epochs", "1")
        #expect(outcome.code == 0, "\(outcome.errors)")
        return file("sam")
    }

    private func expectFrozen(
        _ weights: String, _ start: String, except isTrained: (String) -> Bool
    ) throws {
        let (after, before) = (try Checkpoint.read(weights), try Checkpoint.read(start))
        var compared = 0
        for name in before.names where !isTrained(name) {
            // The layer that LoRA wraps has its own name twice.
            let doubled = name.replacingOccurrences(of: ".qkv.", with: ".qkv.qkv.")
            let own = after[name] == nil ? doubled : name
            let (one, other) = (try #require(after[own], "\(own)"), try #require(before[name]))
            #expect(try one.bytes() == other.bytes(), "\(name) was frozen")
            compared += 1
        }
        #expect(compared > 30)
    }

    @Test(
        "an adapter is trained in a frozen encoder; a stopped run is resumed bit for bit",
        arguments: ["lora", "samed", "msa", "sammed2d"])
    func adapted(method: String) throws {
        let sam = try sam()
        let options =
            ["--adapter", method, "--from", sam]
            + (method == "lora" ? ["--lora-rank", "2"] : [])
        let whole = try train("whole", options)
        #expect(whole.code == 0, "\(whole.errors)")
        #expect(whole.output.contains("trained (adapter)"), "\(whole.output)")
        let stopped = try train("stopped", options + ["--time-limit", "0"])
        #expect(stopped.output.contains("time limit after"), "\(stopped.errors)")
        let resumed = try samus("train", "--resume", scratch.path("runs/stopped"))
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(resumed.output.contains("resuming at step 1"))
        #expect(
            try Checkpoint.read(file("stopped")).sha256 == Checkpoint.read(file("whole")).sha256)
        try expectFrozen(file("whole"), sam) { name in
            switch method {
            case "lora": false
            case "msa": name.hasPrefix("mask_decoder.")
            default: name.hasPrefix("mask_decoder.") || name.hasPrefix("prompt_encoder.")
            }
        }
        let adapter = ["lora": "lora-2", "samed": "lora-4", "msa": "msa", "sammed2d": "sam-med2d"]
        let weights = try Checkpoint.read(file("whole"))
        #expect(weights.metadata["samus.adapter"] == adapter[method])
        #expect(weights.metadata["samus.kind"] == "SAM")
        let record = try String(
            contentsOfFile: scratch.path("runs/whole/run.json"), encoding: .utf8)
        #expect(record.contains(#""adapter" : "\#(adapter[method] ?? "")""#), "\(record)")
        let info = try samus("info", file("whole"))
        #expect(info.code == 0, "\(info.errors)")
        #expect(info.output.contains("input 64x64)") && !info.output.contains("nearly"))

        // A second run goes on with the adapters that the weights have.
        let onward = try train("onward", "--recipe", "adapter", "--from", file("whole"))
        #expect(onward.code == 0, "\(onward.errors)")
        try useEverywhere("whole", prompt: ["--point", "20,20"])
    }

    /// Evaluates, exports and segments with the weights of a run.
    private func useEverywhere(_ name: String, prompt: [String]) throws {
        let isPromptFree = prompt == ["--prompt-free"]
        let evaluated = try samus.start(
            [
                "evaluate", "--data", root, "--split", "val", "--model", file(name), "--output",
                scratch.path("evaluated"),
            ] + (isPromptFree ? ["--prompt", "prompt-free"] : [])
        ).outcome()
        #expect(evaluated.code == 0, "\(evaluated.errors)")
        let bundle = scratch.path("\(name).samus")
        let exported = try samus("export", file(name), bundle)
        #expect(exported.code == 0, "\(exported.errors)")
        for model in [file(name), bundle] {
            let segmented = try samus.start(
                [
                    "segment", root + "/Disc/img/p6.png", "--model", model, "--output",
                    scratch.path("masks-\(URL(filePath: model).pathExtension)"),
                ] + prompt
            ).outcome()
            #expect([0, 3].contains(segmented.code), "\(segmented.errors)")
            #expect(!segmented.errors.contains("error"), "\(segmented.errors)")
        }
    }

    @Test(
        "each foundation model starts from SAM, trains, resumes, evaluates, exports and segments",
        arguments: [
            ("samed", "SAMed", "--prompt-free"), ("msa", "MSA", "--point"),
            ("msa-2023", "MSA-2023", "--point"), ("sammed2d", "SAM-Med2D", "--point"),
            ("medsam", "MedSAM", "--box"),
        ])
    func foundation(network: String, name: String, prompt: String) throws {
        let sam = try sam()
        let recipe = network == "medsam" ? "full" : "adapter"
        let options = [
            "--recipe", recipe, "--network", network, "--from", sam, "--input-size", "64",
        ]
        let whole = try train("whole", options)
        #expect(whole.code == 0, "\(whole.errors)")
        let stopped = try train("stopped", options + ["--time-limit", "0"])
        #expect(stopped.output.contains("time limit after"), "\(stopped.errors)")
        let resumed = try samus("train", "--resume", scratch.path("runs/stopped"))
        #expect(resumed.code == 0, "\(resumed.errors)")
        #expect(
            try Checkpoint.read(file("stopped")).sha256 == Checkpoint.read(file("whole")).sha256)
        let info = try samus("info", file("whole"))
        #expect(info.output.contains("\(name) ("), "\(info.output)")
        #expect(!info.output.contains("nearly"), "\(info.output)")
        let arguments = [
            "--prompt-free": ["--prompt-free"], "--point": ["--point", "20,20"],
            "--box": ["--box", "8,8,40,40"],
        ]
        try useEverywhere("whole", prompt: arguments[prompt] ?? [])
    }

    @Test(
        "convert states that weights with SAM's tensors are MedSAM, and refuses a wrong statement")
    func stated() throws {
        let sam = try sam()
        let converted = try samus(
            "convert", sam, scratch.path("medsam.safetensors"), "--network", "medsam")
        #expect(converted.code == 0, "\(converted.errors)")
        #expect(converted.output.contains("MedSAM ("), "\(converted.output)")
        let info = try samus("info", scratch.path("medsam.safetensors"))
        #expect(info.output.contains("MedSAM ("), "\(info.output)")
        let wrong = try samus(
            "convert", sam, scratch.path("other.safetensors"), "--network", "samus")
        #expect(wrong.code == 66)
        #expect(wrong.errors.contains("not those of SAMUS, but of SAM"), "\(wrong.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("other.safetensors")))
    }

    @Test(
        "an adapter that cannot be trained is refused with what can",
        arguments: [
            (["--adapter", "msa", "--from", "litemedsam"], 69, "LiteMedSAM takes lora"),
            (["--adapter", "lora", "--network", "unet", "--from", "SAM"], 69, "cannot start from"),
            (["--adapter", "lora", "--network", "samus", "--from", "SAM"], 69, "takes no adapter"),
            (["--recipe", "adapter", "--from", "SAM"], 69, "has no adapters"),
            (["--adapter", "lora", "--recipe", "full", "--from", "SAM"], 64, "--recipe adapter"),
            (["--adapter", "msa", "--lora-rank", "8", "--from", "SAM"], 64, "--lora-rank 8 needs"),
            (["--adapter", "lora", "--lora-rank", "0", "--from", "SAM"], 64, "from 1 to 1024"),
            (["--adapter", "lora", "--input-size", "100", "--from", "SAM"], 64, "multiple of 32"),
            (["--adapter", "lora"], 64, "--from is needed"),
        ])
    func refused(_ given: [String], code: Int32, words: String) throws {
        let sam = given.contains("SAM") ? try sam() : ""
        let outcome = try train("refused", given.map { $0 == "SAM" ? sam : $0 })
        #expect(outcome.code == code, "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("runs/refused")))
    }
}
