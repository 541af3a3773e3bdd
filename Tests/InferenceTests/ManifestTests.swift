import Foundation
import Testing

@testable import Inference

@Suite("model.json is decoded, checked and encoded")
struct ManifestTests {
    private let text: String

    init() throws {
        text = try String(
            contentsOf: Fixture(Fixture.promptFree).folder.appendingPathComponent("model.json"),
            encoding: .utf8)
    }

    private func read(_ text: String) throws -> ModelBundle.Manifest {
        try ModelBundle.Manifest(Data(text.utf8))
    }

    @Test("format version 1 is decoded with its former keys, and encoded with the present keys")
    func versions() throws {
        var manifest = try read(text)
        #expect(manifest.formatVersion == 1 && manifest.trainedPrompts == [.click])
        #expect(manifest.input.preprocessing == .samus)
        manifest.formatVersion = ModelBundle.Manifest.currentFormat
        let written = String(decoding: try JSONEncoder().encode(manifest), as: UTF8.self)
        for key in ["\"format_version\":2", "\"trained_prompts\"", "\"preprocessing\""] {
            #expect(written.contains(key))
        }
        #expect(!written.contains("\"format\"") && !written.contains("trainedPrompts"))
        #expect(try read(written) == manifest)
    }

    @Test("a manifest is decoded as it was encoded")
    func roundTrip() throws {
        let manifest = try read(text)
        #expect(manifest.macs == 12345)
        #expect(try ModelBundle.Manifest(JSONEncoder().encode(manifest)) == manifest)
    }

    @Test(
        "an invalid value is refused with an error that states the value",
        arguments: [
            ("\"format\": 1", "\"format\": 3", "format version 3"),
            ("\"format\": 1", "\"forma\": 1", "'format_version' is missing"),
            ("\"name\": \"finds\"", "\"name\": \"../finds\"", "name"),
            ("\"name\": \"finds\"", "\"name\": 7", "name: "),
            ("AutoSAMUS", "Nonesuch", "kind: "),
            ("\"channels\": 1", "\"channels\": 3", "1 channels"),
            ("\"size\": 32", "\"size\": 1000000", "8 to 8192"),
            ("\"side\": 8", "\"side\": 0", "side"),
            ("\"candidates\": 3", "\"candidates\": 0", "candidates"),
            ("\"candidates\": 3", "\"candidates\": 1e400", "does not describe"),
            ("encoder.onnx", "../encoder.onnx", "plain"),
            ("encoder.onnx", "a/encoder.onnx", "plain"),
            ("encoder.onnx", ".hidden", "plain"),
            ("encoder.onnx", "other.onnx", "encoder.onnx"),
            ("auto.onnx", "other.onnx", "auto.onnx"),
            ("\"sha256\": \"", "\"sha256\": \"x", "SHA-256"),
            ("\"format\": 1", "", "does not describe"),
        ])
    func refused(old: String, new: String, word: String) throws {
        let changed = text.replacing(old, with: new)
        try #require(changed != text)
        #expect {
            try read(changed)
        } throws: { error in
            "\(error)".contains(word) && error is ModelBundleError
        }
    }

    @Test("a truncated or damaged manifest is refused or decoded, without a trap")
    func damaged() {
        let bytes = Array(text.utf8)
        // The last character is a line break, which is optional.
        for count in 0..<(bytes.count - 1) {
            #expect(throws: ModelBundleError.self) {
                try ModelBundle.Manifest(Data(bytes.prefix(count)))
            }
        }
        for index in bytes.indices {
            for bit in 0..<8 {
                var turned = bytes
                turned[index] ^= 1 << bit
                do throws(ModelBundleError) {
                    let manifest = try ModelBundle.Manifest(Data(turned))
                    #expect((1...2).contains(manifest.formatVersion))
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test("JSON of another structure is refused, even if deeply nested")
    func hostile() {
        let deep = String(repeating: "[", count: 100_000)
        for text in [deep, "{\"format\":\(deep)", "1", "null", "[]", "{}", "\u{0}"] {
            #expect(throws: ModelBundleError.self) { try read(text) }
        }
    }
}
