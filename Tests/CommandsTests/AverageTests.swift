import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("samus average")
struct AverageTests {
    private let scratch: Scratch
    private let samus = Program()

    init() throws {
        scratch = try Scratch()
    }

    /// Writes a checkpoint with a matrix, a half-precision vector and a counter.
    private func write(
        _ name: String, _ matrix: [Float], _ half: [UInt16], _ counter: Int64,
        metadata: [String: String] = [:]
    ) throws -> String {
        func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
        let path = scratch.path(name)
        try Safetensors.write(
            [
                (
                    "a.weight",
                    StoredTensor(elementType: .float32, shape: [2, 2], bytes: bytes(matrix))
                ),
                ("b.bias", StoredTensor(elementType: .float16, shape: [2], bytes: bytes(half))),
                ("c.count", StoredTensor(elementType: .int64, shape: [], bytes: bytes([counter]))),
            ], metadata: metadata, to: path)
        return path
    }

    private func floats(_ checkpoint: Checkpoint, _ name: String) throws -> [Float] {
        try #require(checkpoint[name]).bytes().withUnsafeBytes {
            Array($0.bindMemory(to: Float.self))
        }
    }

    @Test("a bundle counts as its weights, wherever weights are read")
    func bundle() throws {
        let bundle = scratch.path("model.samus")
        try FileManager.default.createDirectory(
            atPath: bundle, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: bundle + "/model.json"))
        _ = try write("model.samus/weights.safetensors", [1, 2, 3, 4], [0x3C00, 0x3C00], 7)
        let other = try write("other.safetensors", [3, 4, 5, 6], [0x3C00, 0x3C00], 7)
        let output = scratch.path("mean.safetensors")
        let outcome = try samus("average", bundle, other, "-o", output)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try floats(Checkpoint.read(output), "a.weight") == [2, 3, 4, 5])
    }

    @Test("numbers are weighted means in float32, whole numbers those of the first input")
    func mean() throws {
        // 0x3C00 is 1 and 0x4000 is 2 in float16.
        let one = try write(
            "one.safetensors", [1, 2, 3, 4], [0x3C00, 0x3C00], 7,
            metadata: ["samus.origin": "trained", "license": "MIT"])
        let two = try write(
            "two.safetensors", [5, 6, 7, 8], [0x4000, 0x3C00], 9, metadata: ["license": "MIT"])
        let output = scratch.path("mean.safetensors")
        let outcome = try samus("average", one, two, "--weights", "1,3", "-o", output)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("research use only, not a medical device"))
        let written = try Checkpoint.read(output)
        #expect(try floats(written, "a.weight") == [4, 5, 6, 7])
        #expect(try floats(written, "b.bias") == [1.75, 1])
        #expect(try written["c.count"]?.bytes().first == 7)
        #expect(written.metadata["license"] == "MIT")
        let origin = try #require(written.metadata["samus.origin"])
        #expect(origin.hasPrefix("mean of 0.25 of one.safetensors (SHA-256 "))
        #expect(origin.contains("trained") && origin.contains("0.75 of two.safetensors"))
    }

    @Test("other networks, NaN, wrong weights and existing files are refused")
    func refusals() throws {
        let one = try write("one.safetensors", [1, 2, 3, 4], [0x3C00, 0x3C00], 7)
        let output = scratch.path("mean.safetensors")
        func refused(_ arguments: String..., code: Int32, _ reason: String) throws {
            let outcome = try Program().start(["average"] + arguments + ["-o", output]).outcome()
            #expect(outcome.code == code, "\(outcome.errors)")
            #expect(outcome.errors.contains(reason), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: output))
        }
        try refused(one, code: 64, "give at least two inputs")
        try refused(one, one, "--weights", "1", code: 64, "--weights has 1 numbers for 2 inputs")
        try refused(one, one, "--weights", "0,0", code: 64, "of which one is above 0")
        try refused(one, one, "--weights", "1e308,1e308", code: 64, "takes numbers from 0")
        try refused(one, one, "--weights", "a,b", code: 64, "a,b")
        let other = Program.package.appending(path: "Tests/Fixtures/half.safetensors").path
        try refused(one, other, code: 66, "is of another network than")
        let nan = try write("nan.safetensors", [.nan, 2, 3, 4], [0x3C00, 0x3C00], 7)
        try refused(one, nan, code: 69, "a.weight")
        let replaced = try samus("average", one, one, "-o", one, "--force")
        #expect(replaced.code == 66 && replaced.errors.contains("is the input"))
    }
}
