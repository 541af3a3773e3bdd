import Foundation
import Testing

@testable import Inference

@Suite("model.json")
struct ManifestTests {
    private let text: String

    init() throws {
        text = try String(
            contentsOf: Fixture(Fixture.finds).folder.appendingPathComponent("model.json"),
            encoding: .utf8)
    }

    private func read(_ text: String) throws -> ModelBundle.Manifest {
        try ModelBundle.Manifest(Data(text.utf8))
    }

    @Test("comes back as it was written")
    func roundTrip() throws {
        let manifest = try read(text)
        #expect(manifest.macs == 12345)
        #expect(try ModelBundle.Manifest(JSONEncoder().encode(manifest)) == manifest)
    }

    @Test(
        "is refused with a sentence that says why",
        arguments: [
            ("\"format\": 1", "\"format\": 2", "format 2"),
            ("\"format\": 1", "\"forma\": 1", "'format' is missing"),
            ("\"name\": \"finds\"", "\"name\": \"../finds\"", "name"),
            ("\"name\": \"finds\"", "\"name\": 7", "'name'"),
            ("AutoSAMUS", "Nonesuch", "'kind'"),
            ("\"channels\": 1", "\"channels\": 3", "1 channels"),
            ("\"size\": 32", "\"size\": 1000000", "8 to 8192"),
            ("\"side\": 8", "\"side\": 0", "side"),
            ("\"candidates\": 3", "\"candidates\": 0", "candidates"),
            ("\"candidates\": 3", "\"candidates\": 1e400", "JSON"),
            ("encoder.onnx", "../encoder.onnx", "plainly"),
            ("encoder.onnx", "a/encoder.onnx", "plainly"),
            ("encoder.onnx", ".hidden", "plainly"),
            ("encoder.onnx", "other.onnx", "encoder.onnx"),
            ("auto.onnx", "other.onnx", "auto.onnx"),
            ("\"sha256\": \"", "\"sha256\": \"x", "SHA-256"),
            ("\"format\": 1", "", "JSON"),
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

    @Test("cut anywhere, or with a bit turned, throws or is a manifest, and never traps")
    func damaged() {
        let bytes = Array(text.utf8)
        // Without the last brace; a line break after it may go.
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
                    #expect(manifest.format == 1)
                } catch {
                    #expect(!error.description.isEmpty)
                }
            }
        }
    }

    @Test("nested deeply, or of numbers alone, is refused")
    func hostile() {
        let deep = String(repeating: "[", count: 100_000)
        for text in [deep, "{\"format\":\(deep)", "1", "null", "[]", "{}", "\u{0}"] {
            #expect(throws: ModelBundleError.self) { try read(text) }
        }
    }
}
