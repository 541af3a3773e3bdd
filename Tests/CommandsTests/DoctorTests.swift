import FileIO
import Foundation
import Testing

@testable import Commands

/// Runs with a copy of `samus` in a folder without `samus-train`, and with the toy bundle.
private struct Copied {
    static let libraries = Program.package.appending(path: ".deps/openvino/libs")
    static let isHere = FileManager.default.fileExists(atPath: libraries.path)
    static let reason: Comment = "OpenVINO is not here: run 'make setup'"
    static let bundle = Program.package.appending(path: "Tests/Fixtures/bundle/clicks.samus").path

    let scratch: Scratch
    var samus: Program

    init() throws {
        scratch = try Scratch()
        let copy = scratch.url.appending(path: "samus")
        try Program.install(Program().executable, at: copy)
        samus = Program(executable: copy)
        samus.environment["SAMUS_OPENVINO"] = Self.libraries.path
        samus.environment["SAMUS_CACHE"] = scratch.path("cache")
    }

    func json(_ outcome: Program.Outcome) throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }
}

@Suite("samus doctor says what a machine has and what is missing", .serialized)
struct DoctorTests {
    private let copied: Copied

    init() throws {
        copied = try Copied()
    }

    @Test(
        "the report for a bug report has no path and no name of a user or machine",
        .enabled(if: Copied.isHere, Copied.reason))
    func privacy() throws {
        var samus = copied.samus
        let models = copied.scratch.url.appending(path: "john-doe/models")
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        samus.environment["SAMUS_MODELS"] = models.path
        try FileManager.default.copyItem(
            at: URL(filePath: Copied.bundle), to: models.appending(path: "samus-lite.samus"))
        let outcome = try samus("doctor", "--json", "--quick")
        #expect(outcome.code == 69, "no model of the catalog is there")
        let report = try copied.json(outcome)
        #expect(report["format_version"] as? Int == 1)
        for word in ["john-doe", copied.scratch.url.path, NSHomeDirectory() + "/", "/tmp"] {
            #expect(!outcome.output.contains(word), "\(word): \(outcome.output)")
        }
        let hostName = ProcessInfo.processInfo.hostName
        #expect(hostName.count < 4 || !outcome.output.contains(hostName))
        let machine = try #require(report["machine"] as? [String: Any])
        #expect(try #require(machine["memory_bytes"] as? Int) > 1 << 28)
        let found = try #require(report["models"] as? [[String: Any]])
        #expect(found.map { $0["place"] as? String } == ["SAMUS_MODELS", nil, nil])
        // The toy bundle was made from another checkpoint than the name says.
        #expect((found[0]["problem"] as? String)?.contains("is not 'samus-lite'") == true)
        let openVINO = try #require(report["openvino"] as? [String: Any])
        let devices = try #require(openVINO["devices"] as? [[String: Any]])
        #expect(devices.contains { $0["name"] as? String == "CPU" })
        let torch = try #require(report["libtorch"] as? [String: Any])
        #expect((torch["problem"] as? String)?.contains("is not built") == true)
    }

    @Test("libtorch is reported by samus-train, without which samus runs", .timeLimit(.minutes(60)))
    func torch() throws {
        let report = try copied.json(try Program()("doctor", "--json", "--quick"))
        let torch = try #require(report["libtorch"] as? [String: Any])
        let found = try #require(torch["report"] as? [String: Any], "\(torch)")
        #expect((found["devices"] as? [String])?.first == "cpu")
        #expect((found["version"] as? String)?.isEmpty == false)
    }

    @Test("a samus-train that does not start is a line of the report, not the end of it")
    func brokenTorch() throws {
        let train = copied.scratch.url.appending(path: "samus-train")
        let script =
            "#!/bin/sh\necho '/opt/x/samus-train: libtorch_cpu.so: not found' >&2; exit 127\n"
        try Program.install(script: script, at: train)
        let report = try copied.json(try copied.samus("doctor", "--json", "--quick"))
        let torch = try #require(report["libtorch"] as? [String: Any])
        #expect(
            torch["problem"] as? String
                == "samus-train does not start: …: libtorch_cpu.so: not found")
    }

    @Test("without OpenVINO and models the exit code is 69, and the text names both")
    func nothing() throws {
        var samus = copied.samus
        samus.environment["SAMUS_OPENVINO"] = copied.scratch.path("nowhere")
        let outcome = try samus("doctor")
        #expect(outcome.code == 69)
        #expect(outcome.output.contains("OpenVINO, which runs model bundles, is not installed"))
        #expect(outcome.output.contains("no model is installed: set SAMUS_MODELS"))
    }

    @Test("a copied program without models says that, and names SAMUS_MODELS; not libtorch")
    func copiedWithoutModels() throws {
        let outcome = try copied.samus("segment", Program.frame.path, "--box", "1,2,30,40")
        #expect(outcome.code == 69)
        #expect(
            outcome.errors.hasPrefix(
                "error: the model 'samus-lite' is not installed with this program: set "
                    + "SAMUS_MODELS to a folder with samus-lite.samus"), "\(outcome.errors)")
        #expect(!outcome.errors.contains("libtorch"))
    }

    @Test("paths and the home folder are removed from messages")
    func paths() {
        #expect(
            Examination.withoutPaths(
                "'/data/john doe/m' is damaged (searched /opt/x/y, relative/name)", home: "/root")
                == "'…' is damaged (searched …, relative/name)")
        #expect(
            Examination.withoutPaths(
                "no /people/ann smith/models/a.onnx", home: "/people/ann smith")
                == "no …")
    }

    @Test("advice follows from the processor: 8-bit sums, bf16")
    func advice() {
        let old = Processor(description: "flags: sse4_2 avx avx2 fma")
        #expect(Examination.advice(for: old, nil).count == 1)
        #expect(Examination.advice(for: old, nil)[0].contains("VNNI"))
        let new = Processor(description: "flags: avx512f avx512_vnni avx512_bf16")
        #expect(Examination.advice(for: new, nil) == [])
    }
}

@Suite("Results state the precision and device that ran", .serialized)
struct RuntimeTests {
    private let copied: Copied

    init() throws {
        copied = try Copied()
    }

    private func segment(_ arguments: String...) throws -> Program.Outcome {
        try copied.samus.start(
            [
                "segment", Program.frame.path, "--point", "178,105", "--model", Copied.bundle,
                "--output", copied.scratch.path("out"), "--force",
            ] + arguments
        ).outcome()
    }

    private func engine() throws -> [String: Any] {
        let data = try Data(
            contentsOf: copied.scratch.url.appending(path: "out/echo-a4c-frame10.json"))
        let record = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(record["engine"] as? [String: Any])
    }

    @Test(
        "bf16 that ran as f32 is recorded as f32, with a note",
        .enabled(if: Copied.isHere, Copied.reason))
    func recordedPrecision() throws {
        let outcome = try segment("--precision", "bf16")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let isNative = Processor.current.hasBFloat16
        // Between AVX-512 and AVX-512-BF16, OpenVINO converts numbers and calls it bf16.
        let ran = try #require(engine()["precision"] as? String)
        #expect(ran == "bf16" || !isNative)
        #expect(outcome.errors.contains("OpenVINO computes in f32") == (ran == "f32"))
        #expect(ran == "f32" || Processor.current.features.contains("avx512f") || isNative)
        let bench = try copied.samus(
            "bench", Copied.bundle, "--precision", "bf16", "--repeat", "1", "--json")
        #expect(try copied.json(bench)["precision"] as? String == ran)
    }

    @Test(
        "--precision auto measures once, says what it chose, and records it",
        .enabled(if: Copied.isHere, Copied.reason))
    func automaticPrecision() throws {
        let first = try segment("--precision", "auto")
        #expect(first.code == 0, "\(first.errors)")
        #expect(first.errors.contains("measuring which precision is fastest"))
        let chosen = try #require(
            first.errors.firstMatch(of: #/note: --precision auto chose (\w+): f32 [0-9.]+ s/#))
        #expect(try engine()["precision"] as? String == String(chosen.1))
        let second = try segment("--precision", "auto")
        #expect(!second.errors.contains("measuring"))
        #expect(second.errors.contains("auto chose \(chosen.1)"))
        #expect(second.errors.contains("measured in an earlier run"))
    }

    @Test("--device auto says where it ran", .enabled(if: Copied.isHere, Copied.reason))
    func automaticDevice() throws {
        let outcome = try segment("--device", "auto")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let device = try #require(engine()["device"] as? String)
        #expect(device != "auto")
        #expect(outcome.errors.contains("note: --device auto runs the model on \(device)"))
    }

    @Test(
        "a device that is missing is refused with the devices that exist",
        .enabled(if: Copied.isHere, Copied.reason))
    func missingDevice() throws {
        let outcome = try segment("--device", "gpu.7")
        #expect(outcome.code == 69)
        #expect(
            outcome.errors.contains("this machine has no device GPU.7 for OpenVINO; available: CPU")
        )
    }

    @Test("f32 is kept unless another precision needs less than 0.9 of its time")
    func choice() {
        func fastest(_ seconds: [String: Double]) -> EngineOptions.Precision {
            PrecisionChoice(seconds: seconds, missing: []).fastest
        }
        #expect(fastest(["f32": 1, "bf16": 0.95]) == .f32)
        #expect(fastest(["f32": 1, "bf16": 0.5, "f16": 0.6]) == .bf16)
        #expect(fastest(["f32": 1]) == .f32)
        #expect(fastest(["f32": 1, "bf16": 3]) == .f32)
    }

    @Test("choices are stored for a model, machine and options; a damaged file is ignored")
    func store() throws {
        let store = PrecisionStore(folder: copied.scratch.url.appending(path: "new/cache"))
        #expect(store["a"] == nil)
        for number in 0..<210 {
            store.add(
                PrecisionChoice(seconds: ["f32": Double(number)], missing: []), for: "\(number)")
        }
        #expect(store["9"] == nil)
        #expect(store["10"]?.seconds == ["f32": 10])
        #expect(store["209"]?.isStored == true)
        try copied.scratch.write(Data("{".utf8), "new/cache/precision.json")
        #expect(store["10"] == nil)
    }

    @Test(
        "devices by name",
        arguments: [
            ("cpu", "cpu"), ("gpu", "gpu"), ("gpu.1", "gpu.1"), ("npu.0", "npu.0"),
            ("cuda", "cuda"),
            ("cpu.1", nil), ("GPU", nil), ("gpu.", nil), ("gpu.1000", nil), ("tpu", nil),
        ])
    func deviceNames(argument: String, name: String?) {
        #expect(EngineOptions.Device(argument: argument)?.rawValue == name)
    }
}
