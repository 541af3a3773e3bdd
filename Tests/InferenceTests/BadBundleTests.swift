import Foundation
import Testing

@testable import Inference

@Suite("An incomplete or damaged bundle is refused")
struct BadBundleTests {
    private let folder: TemporaryFolder
    private let copy: URL

    init() throws {
        folder = try TemporaryFolder()
        copy = try Fixture(Fixture.promptFree).copy(into: folder)
    }

    private func file(_ name: String) -> URL { copy.appendingPathComponent(name) }

    private func change(_ name: String, _ body: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: file(name))
        body(&data)
        try data.write(to: file(name))
    }

    private func manifest(_ body: (inout ModelBundle.Manifest) -> Void) throws {
        var manifest = try ModelBundle(Fixture(Fixture.promptFree).folder).manifest
        body(&manifest)
        try JSONEncoder().encode(manifest).write(to: file("model.json"))
    }

    @Test(
        "a bundle with a missing file is refused",
        arguments: ["model.json", "encoder.onnx", "decoder.onnx", "auto.onnx"])
    func missing(name: String) throws {
        try FileManager.default.removeItem(at: file(name))
        #expect {
            try ModelBundle(copy)
        } throws: {
            if case .cannotRead(let path, _) = $0 as? ModelBundleError {
                path == file(name).path
            } else {
                false
            }
        }
    }

    @Test("a bundle with a file of another size is refused")
    func size() throws {
        try change("encoder.onnx") { $0.removeLast(10) }
        let bytes = try Data(contentsOf: file("encoder.onnx")).count
        #expect(
            throws: ModelBundleError.sizeMismatch(
                file: file("encoder.onnx").path, expected: bytes + 10, found: bytes)
        ) { try ModelBundle(copy) }
    }

    @Test(
        "a bundle with a folder or pipe in place of a file is refused",
        arguments: ["folder", "pipe"])
    func irregular(kind: String) throws {
        try FileManager.default.removeItem(at: file("auto.onnx"))
        if kind == "folder" {
            try FileManager.default.createDirectory(
                at: file("auto.onnx"), withIntermediateDirectories: false)
        } else {
            mkfifo(file("auto.onnx").path, 0o600)
        }
        #expect(throws: ModelBundleError.notARegularFile(path: file("auto.onnx").path)) {
            try ModelBundle(copy)
        }
    }

    @Test("a bundle with a manifest above the size limit is refused")
    func large() throws {
        try Data(repeating: 32, count: 2 << 20).write(to: file("model.json"))
        #expect(throws: ModelBundleError.manifestTooLarge(bytes: 2 << 20, limit: 1 << 20)) {
            try ModelBundle(copy)
        }
    }

    @Test(
        "a bundle with a changed file of the same size is refused",
        .enabled(if: Runtime.isInstalled, Runtime.reason))
    func content() throws {
        try change("decoder.onnx") { $0[$0.count / 2] ^= 1 }
        let bundle = try ModelBundle(copy)
        #expect {
            try BundleEngine(bundle, cache: nil)
        } throws: {
            if case .contentMismatch = $0 as? ModelBundleError { true } else { false }
        }
    }

    @Test(
        "a bundle with a truncated ONNX file is refused",
        .enabled(if: Runtime.isInstalled, Runtime.reason))
    func truncated() throws {
        try change("encoder.onnx") { $0.removeLast($0.count / 2) }
        try updateManifest(for: "encoder.onnx")
        expectOpenVINOError { if case .failed = $0 { true } else { false } }
    }

    @Test(
        "a bundle whose ONNX files have other shapes than stated is refused",
        .enabled(if: Runtime.isInstalled, Runtime.reason))
    func shapes() throws {
        try manifest { $0.embedding.width = 7 }
        expectOpenVINOError { if case .portMismatch = $0 { true } else { false } }
        try manifest { $0.candidates = 2 }
        expectOpenVINOError {
            if case .portMismatch(_, "low_res_masks", _, _) = $0 { true } else { false }
        }
    }

    @Test(
        "a bundle whose decoder is another model is refused",
        .enabled(if: Runtime.isInstalled, Runtime.reason))
    func exchanged() throws {
        try FileManager.default.removeItem(at: file("decoder.onnx"))
        try FileManager.default.copyItem(at: file("auto.onnx"), to: file("decoder.onnx"))
        try updateManifest(for: "decoder.onnx")
        expectOpenVINOError {
            if case .portMismatch(_, "point_coords", _, "missing") = $0 { true } else { false }
        }
    }

    /// Writes the size and SHA-256 of a changed file into the manifest.
    private func updateManifest(for name: String) throws {
        let bytes = try Data(contentsOf: file(name))
        try manifest { manifest in
            manifest.files[name]?.bytes = bytes.count
            manifest.files[name]?.sha256 = String(repeating: "0", count: 64)
        }
        var sha256 = ""
        do {
            try ModelBundle(copy).verify(name)
        } catch .contentMismatch(_, _, let found) {
            sha256 = found
        }
        try manifest { manifest in
            manifest.files[name]?.bytes = bytes.count
            manifest.files[name]?.sha256 = sha256
        }
    }

    private func expectOpenVINOError(_ matches: (OpenVINOError) -> Bool) {
        #expect {
            try BundleEngine(ModelBundle(copy), cache: nil)
        } throws: { error in
            (error as? OpenVINOError).map(matches) ?? false
        }
    }
}
