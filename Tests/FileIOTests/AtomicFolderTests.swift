import FileIO
import Foundation
import Testing

@Suite("A folder appears whole, or not at all")
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

    @Test("new, and in an older one's place")
    func replaces() throws {
        for file in ["one", "two"] {
            let folder = try AtomicFolder(root.appending(path: "a").path)
            try AtomicFile.write("text".utf8, to: folder.place(of: file))
            try folder.commit()
            #expect(try names() == ["a"])
            #expect(try names(below: "a") == [file])
        }
    }

    @Test("what is not committed leaves nothing, and the older folder as it was")
    func discarded() throws {
        let first = try AtomicFolder(root.appending(path: "a").path)
        try AtomicFile.write("text".utf8, to: first.place(of: "one"))
        try first.commit()
        do {
            let second = try AtomicFolder(root.appending(path: "a").path)
            try AtomicFile.write("text".utf8, to: second.place(of: "two"))
        }
        #expect(try names() == ["a"])
        #expect(try names(below: "a") == ["one"])
    }

    @Test("a file is not replaced, and a folder that is missing is named")
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
