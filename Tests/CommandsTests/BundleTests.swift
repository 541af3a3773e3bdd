import Foundation
import Imaging
import Testing

/// Commands with a model bundle, which run without `samus-train`.
@Suite("samus runs model bundles on OpenVINO", .serialized)
struct BundleTests {
    private static let libraries = Program.package.appending(path: ".deps/openvino/libs")
    private static let isHere = FileManager.default.fileExists(atPath: libraries.path)
    private static let reason: Comment = "OpenVINO is not here: run 'make setup'"

    private let scratch: Scratch
    /// A copy of `samus` in a folder without `samus-train`.
    private var lonely: Program
    private let bundle = Program.package.appending(path: "Tests/Fixtures/bundle/clicks.samus").path
    private let frame = Program.frame.path

    init() throws {
        scratch = try Scratch()
        let copy = scratch.url.appending(path: "samus")
        try Program.install(Program().executable, at: copy)
        lonely = Program(executable: copy)
        lonely.environment["SAMUS_OPENVINO"] = Self.libraries.path
        lonely.environment["SAMUS_CACHE"] = scratch.path("cache")
    }

    @Test("segment uses the compiled-model cache in the second run", .enabled(if: isHere, reason))
    func segment() throws {
        for _ in 0..<2 {
            let outcome = try lonely(
                "segment", frame, "--point", "178,105", "--model", bundle, "--output",
                scratch.path("out"), "--force")
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("model clicks"))
        }
        #expect(
            FileManager.default.fileExists(
                atPath: scratch.path("out/echo-a4c-frame10.overlay.png")))
        let multimask = try lonely(
            "segment", frame, "--box", "10,10,90,90", "--multimask", "--model", bundle,
            "--output", scratch.path("three"))
        #expect(multimask.code == 0, "\(multimask.errors)")
    }

    @Test("info shows manifest, files and runtime of a bundle", .enabled(if: isHere, reason))
    func info() throws {
        let outcome = try lonely("info", bundle)
        #expect(outcome.code == 0)
        for expected in [
            "LiteMedSAM (toy, input 32x32)", "SHA-256 correct", "OpenVINO 20", "device CPU",
            "random numbers", "research use only, not a medical device",
        ] {
            #expect(outcome.output.contains(expected), "\(expected)")
        }
    }

    @Test("bench prints a table, and JSON with --json", .enabled(if: isHere, reason))
    func bench() throws {
        let outcome = try lonely("bench", bundle, "--repeat", "2", "--threads", "1")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("peak GEMM"))
        let json = try lonely("bench", bundle, "--repeat", "2", "--json")
        let figures = try #require(
            JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(figures["is_warm"] as? Bool == false)
        #expect(figures["limit_gigaflops"] is Double)
    }

    @Test(
        "options that do not fit a bundle are refused with one sentence",
        .enabled(if: isHere, reason))
    func refusals() throws {
        func run(_ arguments: String...) throws -> Program.Outcome {
            try lonely.start(
                ["segment", frame, "--point", "1,2", "-o", scratch.path("out")] + arguments
            ).outcome()
        }
        let cuda = try run("--model", bundle, "--device", "cuda")
        #expect(cuda.code == 69)
        #expect(cuda.errors.contains("--device cpu, gpu, npu or auto"))
        let copy = scratch.url.appending(path: "damaged.samus")
        try FileManager.default.copyItem(at: URL(filePath: bundle), to: copy)
        try Data([1, 2]).write(to: copy.appending(path: "decoder.onnx"))
        let damaged = try run("--model", copy.path)
        #expect(damaged.code == 69)
        #expect(damaged.errors.contains("the bundle is incomplete or damaged"))
        #expect(try lonely("info", copy.path).code == 69)
    }

    @Test("a model name selects the bundle first; a bundle made from another checkpoint is refused")
    func names() throws {
        let models = scratch.url.appending(path: "models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: URL(filePath: bundle), to: models.appending(path: "samus-lite.samus"))
        var program = lonely
        program.environment["SAMUS_MODELS"] = models.path
        let outcome = try program(
            "segment", frame, "--point", "1,2", "-o", scratch.path("out"))
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("is not 'samus-lite'"))
    }

    @Test("without OpenVINO the message says how to install it")
    func missing() throws {
        var program = lonely
        program.environment["SAMUS_OPENVINO"] = scratch.path("nowhere")
        let outcome = try program(
            "segment", frame, "--point", "1,2", "--model", bundle, "-o", scratch.path("out"))
        #expect(outcome.code == 69)
        #expect(outcome.errors.contains("run 'make setup'"))
        #expect(outcome.errors.contains("SAMUS_OPENVINO"))
    }

    @Test("the program samus is not linked with libtorch")
    func links() throws {
        #if os(Linux)
            let ldd = try Program(executable: URL(filePath: "/usr/bin/ldd"))(
                Program().executable.path)
            #expect(ldd.code == 0)
            #expect(ldd.output.contains("libc.so"))
            for library in ["torch", "libc10", "openvino"] {
                #expect(!ldd.output.contains(library), "\(ldd.output)")
            }
        #endif
    }
}
