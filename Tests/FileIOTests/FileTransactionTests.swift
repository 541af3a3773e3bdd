import FileIO
import Foundation
import Testing

@Suite("Files that belong together are replaced together")
final class FileTransactionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func text(_ name: String) -> String? {
        try? String(contentsOfFile: folder.file(name), encoding: .utf8)
    }

    /// The identifier of a process that has ended.
    private static func endedProcess() throws -> pid_t {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/true")
        try process.run()
        process.waitUntilExit()
        return process.processIdentifier
    }

    private static let host: String = {
        let name = ProcessInfo.processInfo.hostName.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber)
        }
        return name.isEmpty ? "unknown" : String(name.prefix(32))
    }()

    @Test("files and a folder are replaced, and nothing else is left")
    func commits() throws {
        for content in ["old", "new"] {
            var transaction = FileTransaction()
            for name in ["a", "b"] {
                try transaction.add(Array("\(content) \(name)".utf8), at: folder.file(name))
            }
            let part = try AtomicFolder(folder.file("part"))
            try AtomicFile.write(content.utf8, to: part.path(of: content))
            transaction.add(part)
            try transaction.commit(holding: FolderLock(folder.path))
            #expect(text("a") == "\(content) a")
            #expect(text("b") == "\(content) b")
            #expect(text("part/\(content)") == content)
        }
        #expect(text("part/old") == nil)
        #expect(folder.names == ["a", "b", "part"])
    }

    @Test("a transaction that is not committed changes nothing")
    func discarded() throws {
        try AtomicFile.write("old".utf8, to: folder.file("a"))
        do {
            var transaction = FileTransaction()
            try transaction.add([1], at: folder.file("a"))
            #expect(folder.names.count == 2)
        }
        #expect(folder.names == ["a"])
        #expect(text("a") == "old")
    }

    @Test("the journal of a killed process is completed, its other temporary files are removed")
    func recovers() throws {
        let tag = "samus-\(Self.host)-\(try Self.endedProcess())"
        try AtomicFile.write("old".utf8, to: folder.file("a"))
        for name in [".a.\(tag)-x.partial", ".c.\(tag)-y.partial", ".own.partial"] {
            try AtomicFile.write("new".utf8, to: folder.file(name))
        }
        // The rename of b was done before the process was killed.
        try AtomicFile.write("new".utf8, to: folder.file("b"))
        let journal = """
            {"format_version":1,"folders":[],"files":[
            {"temporary":".b.\(tag)-z.partial","path":"b"},
            {"temporary":".a.\(tag)-x.partial","path":"a"}]}
            """
        try AtomicFile.write(journal.utf8, to: folder.file(".t.\(tag)-j.journal"))
        try FileTransaction.recover(in: folder.path)
        #expect(folder.names == [".own.partial", "a", "b"])
        #expect(text("a") == "new")
        #expect(text("b") == "new")
    }

    @Test(
        "a journal that moves other files than temporary ones is refused",
        arguments: [
            #"{"temporary":"secret","path":"b"}"#,
            #"{"temporary":"../.b.TAG-x.partial","path":"../b"}"#,
            #"{"temporary":"/tmp/.b.TAG-x.partial","path":"/tmp/b"}"#,
            #"{"temporary":".b.TAG-x.partial","path":"other/b"}"#,
            #"{"temporary":1,"path":"b"}"#,
        ])
    func hostileJournal(entry: String) throws {
        let tag = "samus-\(Self.host)-\(try Self.endedProcess())"
        try AtomicFile.write("mine".utf8, to: folder.file("secret"))
        let journal = #"{"folders":[],"files":[\#(entry.replacing("TAG", with: tag))]}"#
        try AtomicFile.write(journal.utf8, to: folder.file(".t.\(tag)-j.journal"))
        let error = #expect(throws: FileError.self) {
            try FileTransaction.recover(in: folder.path)
        }
        #expect(error?.reason == "this journal of a stopped run is damaged")
        #expect(text("secret") == "mine")
    }

    @Test("temporary files of running processes and of other machines stay")
    func others() throws {
        let names = [
            ".a.samus-\(Self.host)-\(getppid())-x.partial", ".a.samus-othermachine-1-x.partial",
            ".a.samus-\(Self.host)-\(getpid())-x.partial",
        ].sorted()
        for name in names { try AtomicFile.write([1], to: folder.file(name)) }
        try FileTransaction.recover(in: folder.path)
        #expect(folder.names == names)
    }
}

@Suite("Locks exclude other processes and never change files of the user")
final class LockTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a folder's lock names its holder after the time to wait, and leaves no file")
    func folderLock() throws {
        do {
            let lock = try FolderLock(folder.path + "/")
            #expect(lock.folder == folder.path)
            let error = #expect(throws: FileError.self) {
                _ = try FolderLock(folder.path, patience: .milliseconds(30))
            }
            #expect(error?.reason.contains("process \(getpid()) on ") == true)
            withExtendedLifetime(lock) {}
        }
        #expect(folder.names == [])
        _ = try FolderLock(folder.path, patience: .zero)
    }

    @Test("a process that waits takes the lock when it is released")
    func waits() async throws {
        let path = folder.path
        let order = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let lock = try FolderLock(path)
                    let file = path + "/count"
                    let count =
                        (try? String(contentsOfFile: file, encoding: .utf8))
                        .flatMap(Int.init) ?? 0
                    usleep(2000)
                    try AtomicFile.write("\(count + 1)".utf8, to: file)
                    withExtendedLifetime(lock) {}
                    return count
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted()
        }
        #expect(order == Array(0..<8))
        #expect(folder.names == ["count"])
    }

    @Test("a symbolic link, a hard link and another file in place of the lock stay unchanged")
    func links() throws {
        let target = folder.file("mine.txt")
        let lock = folder.file(".lock")
        try AtomicFile.write("mine".utf8, to: target)
        try FileManager.default.createSymbolicLink(atPath: lock, withDestinationPath: target)
        #expect(throws: FileLockError.failed(path: lock, reason: "it is a symbolic link")) {
            _ = try FileLock(lock)
        }
        try FileManager.default.removeItem(atPath: lock)
        try FileManager.default.linkItem(atPath: target, toPath: lock)
        #expect(
            throws: FileLockError.failed(path: lock, reason: "it is a hard link of another file")
        ) { _ = try FileLock(lock) }
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "mine")
        try FileManager.default.removeItem(atPath: lock)
        try AtomicFile.write([UInt8](repeating: 65, count: 1000), to: lock)
        #expect(throws: FileLockError.self) { _ = try FileLock(lock) }
        #expect(try Data(contentsOf: URL(filePath: lock)).count == 1000)
    }

    @Test("a link to a missing file is not replaced by a file")
    func danglingLink() throws {
        let link = folder.file("a")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: folder.file("absent"))
        #expect(throws: FileError.self) { try AtomicFile.write([1], to: link) }
        #expect(FileKind(link) == .link)
        #expect(folder.names == ["a"])
    }
}
