import Checkpoints
import Foundation
import Testing

@Suite("Files that are not checkpoints are refused with their kind")
struct FileTests {
    private func expect(_ error: CheckpointError, _ path: String) {
        #expect(throws: error) { try Checkpoint.read(path) }
    }

    @Test("a missing file, a folder, a device and an empty file are distinct errors")
    func places() throws {
        let folder = try TemporaryFolder()
        expect(.notFound(path: folder.path("absent")), folder.path("absent"))
        expect(.notAFile(path: folder.url.path), folder.url.path)
        expect(.notAFile(path: "/dev/null"), "/dev/null")
        let empty = try folder.file([])
        expect(.empty(path: empty), empty)
        expect(.notFound(path: empty + "/below"), empty + "/below")
    }

    @Test(
        "a file without read permission is refused",
        .enabled(if: getuid() != 0, "root may open everything"))
    func permission() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file([1])
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
        expect(.notPermitted(path: path), path)
    }

    @Test(
        "web pages, git-lfs pointers and other text files are recognized",
        arguments: [
            ("<!DOCTYPE html><html>", CheckpointError.OtherFormat.webPage),
            ("\n  <html><body>404</body>", .webPage),
            ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", .gitLFSPointer),
            ("Not Found", .text), ("{\"error\":\"no\"}", .text), ("\u{1F}\u{8B}", .unknown),
            ("\u{1}", .unknown),
        ])
    func textFiles(text: String, format: CheckpointError.OtherFormat) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(named: "weights.pth", [UInt8](text.utf8))
        expect(.notACheckpoint(path: path, format), path)
    }

    @Test(
        "gzip, HDF5, pickle and tar files are recognized",
        arguments: [
            ([0x1F, 0x8B, 8, 0], CheckpointError.OtherFormat.gzip),
            ([0x89, 0x48, 0x44, 0x46, 0x0D], .hdf5), ([0x80, 2, 0x4B, 1, 0x2E], .pickle),
            ([UInt8](repeating: 1, count: 257) + "ustar".utf8 + [0], .tar),
        ])
    func binary(bytes: [UInt8], format: CheckpointError.OtherFormat) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(bytes)
        expect(.notACheckpoint(path: path, format), path)
    }

    @Test("the format is detected from the content, not from the file name")
    func name() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(named: "x.safetensors", try Fixtures.bytes("module.pth"))
        #expect(try Checkpoint.read(path).format == .pytorchZip)
    }

    @Test(
        "a file of any format that is truncated at any byte is refused",
        arguments: ["module.pth", "module-legacy.pth", "module.safetensors"])
    func truncated(name: String) throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.bytes(name)
        for count in 1..<bytes.count {
            let path = try folder.file([UInt8](bytes.prefix(count)))
            #expect(throws: CheckpointError.self, "\(count) bytes") { try Checkpoint.read(path) }
        }
    }

    @Test("copying weights throws if the file was overwritten after it was opened")
    func overwritten() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(try Fixtures.bytes("module.safetensors"))
        let found = try Checkpoint.read(path)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 700)
        try handle.write(contentsOf: Data([1, 2, 3]))
        // The clock of a file system may tick only every few milliseconds.
        let later = [FileAttributeKey.modificationDate: Date(timeIntervalSinceNow: 5)]
        try FileManager.default.setAttributes(later, ofItemAtPath: path)
        #expect(throws: CheckpointError.changedWhileOpen(path: path)) {
            try found["scale"]?.bytes()
        }
        #expect(throws: CheckpointError.changedWhileOpen(path: path)) { try found.sha256 }
        try handle.truncate(atOffset: 10)
        #expect(throws: CheckpointError.changedWhileOpen(path: path)) {
            try found["scale"]?.bytes()
        }
    }

    @Test("weights of a file that was replaced by another can still be copied")
    func replaced() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(try Fixtures.bytes("module.safetensors"))
        let found = try Checkpoint.read(path)
        try Safetensors.write([("scale", StoredTensor([Float(9)], shape: [1]))], to: path)
        #expect(try found["scale"]?.elements(as: Float.self) == [1, 1, 1])
    }
}
