import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("samus convert")
struct ConvertTests {
    private let scratch: Scratch
    private let samus = Program()
    private static let mixed = Program.package.appending(
        path: "Tests/Fixtures/checkpoints/data-parallel.pth"
    ).path

    init() throws {
        scratch = try Scratch()
    }

    private func outline(_ model: String) throws -> Data {
        let folder = scratch.path(URL(filePath: model).lastPathComponent + ".out")
        let outcome = try samus(
            "segment", Program.frame.path, "--point", "178,100", "--model", model, "-o", folder)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
            outcome.errors.contains(
                "is SAMUS (ViT of width 48, depth 4, input 256x256), 971,824 parameters"))
        return try Data(contentsOf: URL(filePath: folder + "/echo-a4c-frame10.mask.png"))
    }

    @Test(
        "the converted file has equal values, states its sizes, and gives the same outline",
        .enabled(if: Shared.isPresent, "needs the golden values in ../shared"))
    func samusTiny() throws {
        let refused = try samus("convert", TinyWeights.samus, scratch.path("a.safetensors"))
        #expect(refused.code == 69)
        #expect(refused.errors.contains("--decoder-heads N"))
        for (source, name) in [
            (TinyWeights.samus, "a.safetensors"), (TinyWeights.legacy, "b.safetensors"),
        ] {
            let outcome = try samus(
                "convert", source, scratch.path(name), "--decoder-heads", "4", "--license", "MIT")
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("research use only, not a medical device"))
            let original = try Checkpoint.read(source)
            let written = try Checkpoint.read(scratch.path(name))
            #expect(Set(written.names) == Set(original.names))
            for name in original.names {
                #expect(try written[name]?.bytes() == original[name]?.bytes(), "\(name)")
            }
            #expect(written.metadata["samus.kind"] == "SAMUS")
            #expect(written.metadata["samus.source.sha256"] == (try original.sha256))
            #expect(written.metadata["license"] == "MIT")
            #expect(
                written.metadata["samus.configuration"]?.contains(#""num_heads":4"#) == true)
        }
        let one = try outline(scratch.path("a.safetensors"))
        #expect(try one == outlineMask(scratch.path("b.safetensors"), like: one))
        let data = try Data(
            contentsOf: scratch.url.appending(path: "a.safetensors.out/echo-a4c-frame10.json"))
        let record = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let model = try #require(record["model"] as? [String: Any])
        let network = try #require(model["network"] as? [String: Any])
        #expect(network["input_size"] as? Int == 256)
        #expect(network["parameters"] as? Int == 971_824)

        // Converted again without the option, which the metadata now states.
        let again = try samus(
            "convert", scratch.path("a.safetensors"), scratch.path("c.safetensors"), "--to-half")
        #expect(again.code == 0, "\(again.errors)")
        let half = try Checkpoint.read(scratch.path("c.safetensors"))
        #expect(half["image_encoder.pos_embed"]?.elementType == .float16)
        #expect(
            half["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]?.elementType
                == .float32)
        #expect(half.metadata["license"] == "MIT")
        _ = try outline(scratch.path("c.safetensors"))
    }

    /// Compares run lengths, because mask files contain the name of the model.
    private func outlineMask(_ model: String, like other: Data) throws -> Data {
        let found = try outline(model)
        let places = [found, other].map { $0.range(of: Data("IDAT".utf8))?.lowerBound ?? 0 }
        #expect(found[places[0]...] == other[places[1]...])
        return other
    }

    @Test(
        "name prefixes and entries other than tensors are left out; an unknown architecture is reported"
    )
    func unknown() throws {
        let outcome = try samus("convert", Self.mixed, scratch.path("out.safetensors"))
        #expect(outcome.code == 0)
        #expect(outcome.errors.contains("note: unknown architecture"))
        let written = try Checkpoint.read(scratch.path("out.safetensors"))
        #expect(written.names.allSatisfy { !$0.hasPrefix("module.") })
        #expect(written.metadata["samus.kind"] == nil)
        let heads = try samus(
            "convert", Self.mixed, scratch.path("out.safetensors"), "--decoder-heads", "4",
            "--force")
        #expect(heads.code == 66)
        #expect(heads.errors.split(separator: "\n").count == 1)
    }

    @Test(
        "an output that exists, is the input, has another extension or cannot be written is refused"
    )
    func outputs() throws {
        let output = scratch.path("out.safetensors")
        #expect(try samus("convert", Self.mixed, output).code == 0)
        let before = try Data(contentsOf: URL(filePath: output))
        let exists = try samus("convert", Self.mixed, output)
        #expect(exists.code == 73)
        #expect(exists.errors.contains("add --force"))
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path("link.safetensors"), withDestinationPath: output)
        for path in [output, scratch.path("link.safetensors")] {
            let itself = try samus("convert", output, path, "--force")
            #expect(itself.code == 66)
            #expect(itself.errors.contains("is the input"))
        }
        #expect(try samus("convert", Self.mixed, scratch.path("out.pth")).code == 64)
        #expect(try samus("convert", Self.mixed, scratch.path("no/out.safetensors")).code == 73)
        #expect(try samus("convert", Self.mixed, "/proc/out.safetensors").code == 73)
        try FileManager.default.createDirectory(
            atPath: scratch.path("folder.safetensors"), withIntermediateDirectories: false)
        #expect(
            try samus("convert", Self.mixed, scratch.path("folder.safetensors"), "--force").code
                == 73)
        // Files are limited to two blocks of 512 bytes, like on a full disk.
        let shell = Program(executable: URL(filePath: "/bin/sh"))
        let full = try shell(
            "-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"", samus.executable.path, "convert",
            "litemedsam", output, "--force")
        #expect(full.code == 73)
        #expect(try Data(contentsOf: URL(filePath: output)) == before)
        #expect(
            scratch.files().sorted() == ["link.safetensors", "out.safetensors"])
    }

    @Test("truncated weights, NaN and values too large for float16 are refused")
    func damaged() throws {
        let whole = try Data(contentsOf: URL(filePath: Self.mixed))
        let short = try scratch.write(whole.prefix(whole.count / 2), "short.pth")
        #expect(try samus("convert", short, scratch.path("out.safetensors")).code == 69)
        #expect(try samus("convert", "absent.pth", scratch.path("out.safetensors")).code == 69)
        for (value, option, words) in [
            (Float.nan, nil, "'b' contains NaN or infinity"),
            (.infinity, "--to-bfloat16", "'b' contains NaN or infinity"),
            (1e5, "--to-half", "'b' contains 100000.0, which is too large for float16"),
        ] as [(Float, String?, String)] {
            let input = scratch.path("bad.safetensors")
            try Safetensors.write(
                [
                    ("a", StoredTensor([Float(1), 2], shape: [2])),
                    ("b", StoredTensor([0, value], shape: [2])),
                ], to: input)
            let outcome = try samus.start(
                ["convert", input, scratch.path("out.safetensors")] + (option.map { [$0] } ?? [])
            ).outcome()
            #expect(outcome.code == 69)
            #expect(outcome.errors.contains(words), "\(outcome.errors)")
            #expect(outcome.errors.contains("nothing was written"))
            if !value.isFinite {
                #expect(throws: CheckpointError.notFinite(tensor: "b")) {
                    try Checkpoint.read(input).checkFinite()
                }
            }
        }
        #expect(scratch.files().sorted() == ["bad.safetensors", "short.pth"])
        let large = try samus(
            "convert", scratch.path("bad.safetensors"), scratch.path("out.safetensors"),
            "--to-bfloat16")
        #expect(large.code == 0)
    }
}
