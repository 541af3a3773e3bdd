import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite(
    "samus init makes initial weights, and segment --prompt-free runs AutoSAMUS",
    .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
struct InitTests {
    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
    }

    @Test("weights from SAM to SAMUS and to AutoSAMUS load, and are equal for equal seeds")
    func chain() throws {
        let sam = try scratch.weights(TinyWeights.sam(), "sam.safetensors")
        let outcome = try samus("init", "--from", sam, scratch.path("samus.safetensors"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        for line in [
            "taken          198 tensors", "resized          4 tensors", "not used         0",
        ] {
            #expect(outcome.output.contains(line), "\(outcome.output)")
        }
        #expect(outcome.output.contains("SAMUS (ViT of width 48, depth 4, input 256x256)"))
        let written = try Checkpoint.read(scratch.path("samus.safetensors"))
        let golden = try Checkpoint.read(TinyWeights.samus)
        #expect(Set(written.names) == Set(golden.names))
        let origin = try #require(written.metadata["samus.origin"])
        #expect(origin.contains("not trained; from sam.safetensors, seed 0: 198 taken, 4 resized"))
        for name in ["image_encoder.pos_embed", "mask_decoder.iou_token.weight"] {
            #expect(try written[name]?.bytes() == golden[name]?.bytes())
        }

        #expect(try samus("init", "--from", sam, scratch.path("b.safetensors")).code == 0)
        #expect(
            try samus("init", "--from", sam, scratch.path("c.safetensors"), "--seed", "7").code
                == 0)
        let again = try Checkpoint.read(scratch.path("b.safetensors"))
        let other = try Checkpoint.read(scratch.path("c.safetensors"))
        #expect(try again.sha256 == written.sha256)
        let new = "image_encoder.cnn_embed.inc.conv.0.weight"
        #expect(try other[new]?.bytes() != written[new]?.bytes())

        _ = try samus(
            "convert", scratch.path("samus.safetensors"), scratch.path("d.safetensors"), "--to-half"
        )
        let half = try Checkpoint.read(scratch.path("d.safetensors"))
        #expect(half.metadata["samus.origin"] == origin + "; converted to float16")

        let drawn = try samus(
            "segment", Program.frame.path, "--point", "180,90", "--model",
            scratch.path("d.safetensors"), "--output", scratch.path("drawn"))
        #expect(drawn.code == 0)
        #expect(drawn.errors.contains("never trained: its outlines are meaningless"))
        let record = try String(
            contentsOfFile: scratch.path("drawn/echo-a4c-frame10.json"), encoding: .utf8)
        #expect(record.contains("not trained; from sam.safetensors"))

        let auto = try samus(
            "init", "--from", scratch.path("samus.safetensors"),
            scratch.path("auto.safetensors"), "--network", "autosamus", "--verbose")
        #expect(auto.code == 0, "\(auto.errors)")
        #expect(auto.output.contains("new\tprompt_generator.object_token"))
        let found = try samus(
            "segment", Program.frame.path, "--prompt-free", "--model",
            scratch.path("auto.safetensors"), "-o", scratch.path("out"))
        #expect(found.code == 0, "\(found.errors)")
    }

    @Test("info reports the architecture only if every tensor matches")
    func nearly() throws {
        let whole = try TinyWeights.tensors(TinyWeights.samus)
        let adapter = StoredTensor([Float](repeating: 0, count: 4), shape: [4])
        let extra = try scratch.weights(
            whole + [("extra.Adapter.weight", adapter)], "e.safetensors")
        let outcome = try samus("info", extra)
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("nearly SAMUS (ViT of width 48, depth 4"))
        #expect(outcome.output.contains("unexpected: 'extra.Adapter.weight'"))
        let fine = try samus("info", try scratch.weights(whole, "w.safetensors"))
        #expect(fine.output.contains(" SAMUS (ViT of width 48, depth 4"))
        #expect(!fine.output.contains("nearly"))
    }

    @Test("weights of other networks are refused")
    func refusals() throws {
        let output = scratch.path("out.safetensors")
        let sam = try TinyWeights.sam()
        let samusFile = try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "s.safetensors")
        let headless = scratch.path("headless.safetensors")
        try Safetensors.write(
            sam.filter { $0.name != "mask_decoder.iou_token.weight" }, to: headless)
        let adapted = try scratch.weights(
            sam + [("image_encoder.blocks.0.extra.x", StoredTensor([Float(1)], shape: [1]))],
            "adapted.safetensors")
        let poisoned = try scratch.weights(sam, "poisoned.safetensors")
        var bytes = try Data(contentsOf: URL(filePath: poisoned))
        // The last number in the file.
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
        try bytes.write(to: URL(filePath: poisoned))
        for (source, words) in [
            (samusFile, "is SAMUS"), ("litemedsam", "is LiteMedSAM"),
            (headless, "is of no known architecture"),
            (adapted, "unexpected: 'image_encoder.blocks.0.extra.x'"),
            (poisoned, "contains NaN or infinity"), ("absent.pth", "there is no model"),
        ] {
            let outcome = try samus("init", "--from", source, output)
            #expect(outcome.code == 69, "\(source)")
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: output))
        try scratch.write([1], "out.safetensors")
        let sound = try scratch.weights(sam, "sam.safetensors")
        #expect(try samus("init", "--from", sound, output).code == 73)
        #expect(try samus("init", "--from", sound, sound, "--force").code == 66)
        #expect(try samus("init", "--from", sound, scratch.path("out.pth")).code == 64)
        #expect(try samus("init", "--from", sound, "/proc/x.safetensors").code == 73)
    }

    @Test("a prompt-free model segments one object, from the command line and a prompt file")
    func promptFree() throws {
        let model = try scratch.weights(TinyWeights.autoSAMUS(), "auto.safetensors")
        try scratch.write(Data(contentsOf: Program.frame), "frame.png")
        let prompts = try scratch.write(
            Data(
                """
                {"images": [{"image": "frame.png", "objects": [
                  {"label": "found", "prompt_free": true}, {"points": [[178, 100]]}]}]}
                """.utf8), "prompts.json")
        let single = try samus(
            "segment", scratch.path("frame.png"), "--prompt-free", "--model", model, "-o",
            scratch.path("one"))
        #expect(single.code == 0, "\(single.errors)")
        #expect(!single.errors.contains("was trained"))
        let both = try samus(
            "segment", "--prompts", prompts, "--model", model, "-o", scratch.path("two"))
        #expect(both.code == 0, "\(both.errors)")
        #expect(both.errors.contains("trained without prompts, not with a click prompt"))
        var masks: [[String: Any]] = []
        for folder in ["one", "two"] {
            let data = try Data(contentsOf: scratch.url.appending(path: "\(folder)/frame.json"))
            let record = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            masks += try #require(record["masks"] as? [[String: Any]])
        }
        #expect(masks.count == 3)
        for mask in masks.prefix(2) {
            let prompt = try #require(mask["prompt"] as? [String: Any])
            #expect(prompt["prompt_free"] as? Bool == true)
            #expect((prompt["foreground_points"] as? [Any])?.isEmpty == true)
        }
        #expect(masks[0]["contours"] as? [[[Int]]] == masks[1]["contours"] as? [[[Int]]])
        #expect((masks[2]["prompt"] as? [String: Any])?["prompt_free"] == nil)

        let candidates = try samus(
            "segment", "--prompts", prompts, "--multimask", "--model", model, "-o",
            scratch.path("three"))
        #expect(candidates.code == 66)
        let box = try samus(
            "segment", scratch.path("frame.png"), "--prompt-free", "-o", scratch.path("three"))
        #expect(box.code == 69)
        #expect(box.errors.contains("samus-lite needs a prompt"))
        let none = try samus("segment", scratch.path("frame.png"), "--model", model)
        #expect(none.code == 64)
        #expect(none.errors.contains("--prompt-free"))
        #expect(scratch.files("three") == [])
    }
}
