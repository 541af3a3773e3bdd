import FileIO
import Foundation
import Testing

@Suite("Files are written atomically")
final class AtomicFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "files-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private var names: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()) ?? []
    }

    private func path(_ name: String) -> String {
        folder.appending(path: name).path
    }

    @Test("a new file is created, and an older file is replaced")
    func writes() throws {
        for text in ["first", "second"] {
            try AtomicFile.write(text.utf8, to: path("a"))
            #expect(try String(contentsOfFile: path("a"), encoding: .utf8) == text)
        }
        try AtomicFile.write(Data(), to: path("empty"))
        #expect(names == ["a", "empty"])
    }

    @Test("a file that is not committed is deleted, and an older file is unchanged")
    func discarded() throws {
        try AtomicFile.write(Data([1]), to: path("a"))
        do {
            let file = try AtomicFile(path("a"))
            try file.append([2, 3])
            #expect(names.count == 2)
        }
        #expect(names == ["a"])
        #expect(try Data(contentsOf: folder.appending(path: "a")) == Data([1]))
    }

    @Test("a folder, a device and a path in a missing folder are refused")
    func refused() throws {
        try FileManager.default.createDirectory(
            atPath: path("folder"), withIntermediateDirectories: false)
        for target in [path("folder"), "/dev/null", path("absent/a")] {
            #expect(throws: FileError.self) { try AtomicFile.write(Data([1]), to: target) }
        }
        #expect(names == ["folder"])
    }

    @Test(
        "a full disk is an error with the system's reason",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func full() throws {
        // The descriptor is redirected to a device that accepts no bytes, like a full disk.
        let file = try AtomicFile(path("a"))
        let partial = try #require(names.first)
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        let open = try #require(
            descriptors.first { number in
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/self/fd/\(number)")
                return target?.hasSuffix(partial) == true
            })
        let full = Foundation.open("/dev/full", O_WRONLY)
        try #require(dup2(full, try #require(Int32(open))) >= 0)
        close(full)
        #expect(throws: FileError(path: path("a"), reason: "No space left on device")) {
            try file.append([1, 2, 3])
        }
    }
}
