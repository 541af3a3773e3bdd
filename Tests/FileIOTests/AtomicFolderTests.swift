import FileIO
import Foundation
import Testing

@Suite("Folders are written atomically")
final class AtomicFolderTests {
    private let root = FileManager.default.temporaryDirectory.appending(path: "folders-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: root)
    }

    private func names(below name: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: root.appending(path: name).path
        ).sorted()
    }

    @Test("a new folder is created, and an older folder is replaced")
    func replaces() throws {
        for file in ["one", "two"] {
            let folder = try AtomicFolder(root.appending(path: "a").path)
            try AtomicFile.write("text".utf8, to: folder.path(of: file))
            try folder.commit()
            #expect(try names() == ["a"])
            #expect(try names(below: "a") == [file])
        }
    }

    @Test("a folder that is not committed is deleted, and an older folder is unchanged")
    func discarded() throws {
        let first = try AtomicFolder(root.appending(path: "a").path)
        try AtomicFile.write("text".utf8, to: first.path(of: "one"))
        try first.commit()
        do {
            let second = try AtomicFolder(root.appending(path: "a").path)
            try AtomicFile.write("text".utf8, to: second.path(of: "two"))
        }
        #expect(try names() == ["a"])
        #expect(try names(below: "a") == ["one"])
    }

    @Test("a file in the place of the folder, and a missing parent folder, are refused")
    func refused() throws {
        let file = root.appending(path: "file").path
        try AtomicFile.write("text".utf8, to: file)
        #expect(throws: FileError.self) { _ = try AtomicFolder(file) }
        let error = #expect(throws: FileError.self) {
            _ = try AtomicFolder(root.appending(path: "absent/a").path)
        }
        #expect(error?.reason == "No such file or directory")
    }
}
