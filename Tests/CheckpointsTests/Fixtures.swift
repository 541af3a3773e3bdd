import Checkpoints
import Foundation
import Testing

/// The test files.
enum Fixtures {
    static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let folder = package.appendingPathComponent("Tests/Fixtures/checkpoints")
    static let golden = package.appendingPathComponent("../shared/golden/samus-tiny")
    static let hasGolden = FileManager.default.fileExists(atPath: golden.path)

    static func readGolden(_ name: String) throws -> Checkpoint {
        try Checkpoint.read(golden.appendingPathComponent(name).path)
    }

    static func path(_ name: String) -> String {
        folder.appendingPathComponent(name).path
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    /// Every fixture that can be read, by file name.
    static let readable: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.contains(".") }.sorted()
    }()
}

/// A temporary folder for a test, deleted with the object.
final class TemporaryFolder {
    let url: URL

    init() throws {
        // The tests write thousands of damaged files; a folder in memory is faster.
        let memory = URL(fileURLWithPath: "/dev/shm")
        let hasMemory = FileManager.default.isWritableFile(atPath: memory.path)
        url = (hasMemory ? memory : FileManager.default.temporaryDirectory)
            .appendingPathComponent("checkpoints-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String) -> String {
        url.appendingPathComponent(name).path
    }

    /// Writes a file and returns its path.
    func file(named name: String = "file", _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: url.appendingPathComponent(name))
        return path(name)
    }

    var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
    }
}

/// Expects two checkpoints to have the same names, types, shapes and bytes.
func expectEqual(_ found: Checkpoint, _ expected: Checkpoint) throws {
    #expect(Set(found.names) == Set(expected.names))
    for name in expected.names {
        let one = try #require(found[name])
        let other = try #require(expected[name])
        #expect(one.elementType == other.elementType, "\(name)")
        #expect(one.shape == other.shape, "\(name)")
        #expect(try one.bytes() == other.bytes(), "\(name)")
    }
}
