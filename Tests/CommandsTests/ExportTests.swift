import Checkpoints
import Foundation
import Imaging
import TestSupport
import Testing

/// Runs `samus export`.
@Suite("samus export writes bundles that samus runs without libtorch", .serialized)
struct ExportTests {
    private static let hasOpenVINO = FileManager.default.fileExists(
        atPath: Program.package.appending(path: ".deps/openvino/libs").path)
    private static let reason: Comment = "OpenVINO is not installed: run 'make setup'"

    private let scratch: Scratch
    private var samus = Program()
    private let frame = Program.frame.path

    init() throws {
        scratch = try Scratch()
        samus.environment["SAMUS_CACHE"] = scratch.path("cache")
    }

    private func tiny() throws -> String {
        try scratch.weights(TinyWeights.tensors(TinyWeights.samus), "tiny.safetensors")
    }

    private func mask(_ model: String, _ folder: String) throws -> Mask {
        let outcome = try samus(
            "segment", frame, "--point", "178,105", "--model", model, "--output",
            scratch.path(folder))
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try Mask.read(scratch.path("\(folder)/echo-a4c-frame10.mask.png"))
    }

    @Test(
        "weights with NaN are refused, as by convert",
        .enabled(if: Shared.isPresent, "the small weights of ../shared/golden are missing"))
    func notFinite() throws {
        let file = try Checkpoint.read(try tiny())
        var tensors = file.names.compactMap { name in file[name].map { (name: name, tensor: $0) } }
        let index = try #require(
            tensors.firstIndex { $0.tensor.elementCount == 1 || $0.name.hasSuffix("bias") })
        let shape = tensors[index].tensor.shape
        tensors[index].tensor = StoredTensor(
            [Float](repeating: .nan, count: shape.reduce(1, *)), shape: shape)
        let damaged = scratch.path("nan.safetensors")
        try Safetensors.write(tensors, metadata: file.metadata, to: damaged)
        let outcome = try samus("export", damaged, scratch.path("nan.samus"))
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("'\(tensors[index].name)' contains NaN or infinity"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("nan.samus")))
    }

    @Test(
        "a bundle gives the same mask as its checkpoint",
        .enabled(if: hasOpenVINO, reason),
        .enabled(if: Shared.isPresent, "the small weights of ../shared/golden are missing"))
    func bundle() throws {
        let weights = try tiny()
        let outcome = try samus("export", weights, scratch.path("tiny.samus"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("encoder.onnx"))
        #expect(outcome.output.contains("research use only, not a medical device"))
        let expected = try mask(weights, "checkpoint")
        let found = try mask(scratch.path("tiny.samus"), "bundle")
        let equal = zip(expected.values, found.values).count { $0 == $1 }
        // A logit of 1e-6 may have either sign.
        #expect(equal >= expected.values.count - 10)

        let again = try samus("export", weights, scratch.path("tiny.samus"))
        #expect(again.code == 73 && again.errors.contains("--force"))
        #expect(try samus("export", weights, scratch.path("tiny.samus"), "--force").code == 0)
    }

    @Test(
        "--target onnx: one folder NAME-onnx with model.json, which samus runs too",
        .enabled(if: hasOpenVINO, reason),
        .enabled(if: Shared.isPresent, "the small weights of ../shared/golden are missing"))
    func onnxFolder() throws {
        let weights = try tiny()
        let wrong = try samus("export", weights, scratch.path("tiny"), "--target", "onnx")
        #expect(wrong.code == 64)
        #expect(wrong.errors.contains("its name must end in -onnx"), "\(wrong.errors)")
        let folder = scratch.path("tiny-onnx")
        let outcome = try samus("export", weights, folder, "--target", "onnx")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(scratch.files("tiny-onnx") == ["decoder.onnx", "encoder.onnx", "model.json"])
        let data = try Data(contentsOf: scratch.url.appending(path: "tiny-onnx/model.json"))
        let manifest = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(manifest["name"] as? String == "tiny")
        #expect((manifest["input"] as? [String: Any])?["preprocessing"] as? String == "samus")
        let equal = try zip(mask(weights, "checkpoint").values, mask(folder, "other").values)
            .count { $0 == $1 }
        let count = try Mask.read(scratch.path("other/echo-a4c-frame10.mask.png")).values.count
        #expect(equal >= count - 10)
    }

    @Test(
        "int8 is calibrated on the train lists, compared on the val lists and reported",
        .enabled(if: hasOpenVINO, reason),
        .enabled(if: Shared.isPresent, "the small weights of ../shared/golden are missing"))
    func integers() throws {
        try MadeUpData.write(to: scratch.url.appending(path: "data"), train: 3, val: 2)
        let outcome = try samus(
            "export", try tiny(), scratch.path("small.samus"), "--precision", "int8",
            "--calibrate", scratch.path("data"), "--calibration-images", "2")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("layers in 8-bit integers, calibrated on 2 images"))
        #expect(outcome.output.contains("Disc"))
        let report = try String(
            contentsOfFile: scratch.path("small.samus/quantization.json"), encoding: .utf8)
        #expect(report.contains("\"min_dice\""))
        let info = try samus("info", scratch.path("small.samus"))
        #expect(info.output.contains("weights       int8"))
    }

    @Test("wrong arguments are refused before any work")
    func refusals() throws {
        let outside = scratch.path("out.samus")
        for (arguments, code, words) in [
            (["litemedsam", "out"], Int32(64), "must end in .samus"),
            (["litemedsam", outside, "--precision", "int8"], 64, "needs --calibrate ROOT"),
            (["litemedsam", outside, "--name", "a/b"], 64, "letters, digits"),
            (
                ["litemedsam", outside, "--precision", "int8", "--calibrate", "/absent"], 66,
                "absent"
            ),
            (["absent.pth", outside], 69, "there is no model and no file 'absent.pth'"),
            ([frame, outside], 69, "echo-a4c-frame10.png"),
            (["litemedsam", "/absent/out.samus"], 73, "cannot be written"),
        ] {
            let outcome = try samus.start(["export"] + arguments).outcome()
            #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
            #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
        #expect(!scratch.files("").contains { $0.contains("out.samus") })
    }
}
