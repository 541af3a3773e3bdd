import FileIO
import Foundation
import Testing

@Suite("Only regular files within a size limit are read")
struct ReadingTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a file is read as a whole, in ranges and in blocks")
    func content() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try AtomicFile.write(bytes, to: folder.file("a"))
        #expect(try RegularFile.read(folder.file("a"), limit: bytes.count) == bytes)
        let file = try RegularFile(folder.file("a"))
        #expect(file.byteCount == bytes.count)
        #expect(try file.bytes(in: 10..<20) == Array(bytes[10..<20]))
        #expect(try file.bytes(in: 5..<5).isEmpty)
        var blocks: [Int] = []
        var joined: [UInt8] = []
        try file.forEachBlock {
            blocks.append($0.count)
            joined += $0
        }
        #expect(joined == bytes)
        #expect(blocks == [1 << 20, 1 << 20, 3_000_000 - 2 << 20])
        #expect(try file.sha256() == SHA256.hexDigest(of: bytes))
    }

    @Test("symbolic links are followed")
    func links() throws {
        try AtomicFile.write([1, 2], to: folder.file("a"))
        symlink(folder.file("a"), folder.file("link"))
        #expect(try RegularFile.read(folder.file("link"), limit: 2) == [1, 2])
    }

    @Test("folders, devices and pipes are refused")
    func kinds() throws {
        mkfifo(folder.file("pipe"), 0o600)
        for (path, kind) in [
            (folder.path, "a folder"), ("/dev/null", "a device"), (folder.file("pipe"), "a pipe"),
        ] {
            #expect(throws: FileReadError.notARegularFile(path: path, kind: kind)) {
                try RegularFile.read(path, limit: 10)
            }
        }
    }

    @Test("missing and too large files are refused")
    func limits() throws {
        let path = folder.file("a")
        #expect(throws: FileReadError.notFound(path: path)) {
            try RegularFile.read(path, limit: 10)
        }
        try AtomicFile.write([1, 2, 3], to: path)
        let error = FileReadError.tooLarge(path: path, bytes: 3, limit: 2)
        #expect(throws: error) { try RegularFile.read(path, limit: 2) }
        #expect("\(error)" == "'\(path)' cannot be read: it has 3 bytes; at most 2 are read")
    }

    @Test("reading throws if the file was truncated or written to after it was opened")
    func changes() throws {
        let path = folder.file("a")
        try AtomicFile.write([UInt8](repeating: 1, count: 100), to: path)
        let file = try RegularFile(path)
        try file.checkUnchanged()
        truncate(path, 50)
        #expect(throws: FileReadError.changed(path: path)) { try file.bytes(in: 0..<100) }
        #expect(throws: FileReadError.changed(path: path)) { try file.checkUnchanged() }
    }

    @Test("text must be UTF-8, and a byte order mark is removed")
    func text() throws {
        try AtomicFile.write("\u{FEFF}a,b\n".utf8, to: folder.file("a"))
        #expect(try RegularFile.text(folder.file("a"), limit: 100) == "a,b\n")
        try AtomicFile.write([0x61, 0xFF], to: folder.file("b"))
        #expect(throws: FileReadError.notUTF8(path: folder.file("b"))) {
            try RegularFile.text(folder.file("b"), limit: 100)
        }
    }
}

@Suite("SHA-256 agrees with FIPS 180-4")
struct SHA256Tests {
    @Test(
        "digests equal the published ones",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func published(text: String, digest: String) {
        #expect(SHA256.hexDigest(of: Array(text.utf8)) == digest)
    }

    @Test("a message can be hashed in parts, and the digest can be read in between")
    func pieces() {
        var hash = SHA256()
        for _ in 0..<1000 {
            hash.update([UInt8](repeating: UInt8(ascii: "a"), count: 1000))
            if hash.hexDigest.isEmpty { return }
        }
        #expect(
            hash.hexDigest == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("a copy does not affect the original")
    func copies() {
        var hash = SHA256()
        hash.update(Array("ab".utf8))
        var other = hash
        other.update(Array("x".utf8))
        hash.update(Array("c".utf8))
        #expect(hash.hexDigest == SHA256.hexDigest(of: Array("abc".utf8)))
        #expect(other.hexDigest == SHA256.hexDigest(of: Array("abx".utf8)))
    }
}

@Suite("A lock has at most one holder")
struct FileLockTests {
    @Test("a lock cannot be taken again until its holder releases it")
    func exclusive() throws {
        let folder = try TemporaryFolder()
        let path = folder.file(".lock")
        do {
            let lock = try FileLock(path)
            let error = #expect(throws: FileLockError.self) { _ = try FileLock(path) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("process \(getpid()) on "))
            withExtendedLifetime(lock) {}
        }
        _ = try FileLock(path)
        #expect(folder.names == [".lock"])
    }

    @Test("symbolic links, folders and pipes are refused as lock files")
    func refused() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write([1], to: folder.file("target"))
        symlink(folder.file("target"), folder.file("link"))
        mkfifo(folder.file("pipe"), 0o600)
        for path in [folder.file("link"), folder.file("pipe"), folder.path] {
            #expect(throws: FileLockError.self) { _ = try FileLock(path) }
        }
        #expect(try RegularFile.read(folder.file("target"), limit: 1) == [1])
    }
}

@Suite("Processor and memory are read from the kernel's descriptions")
struct MachineTests {
    @Test("instruction sets, in the order of the list")
    func processor() {
        let text = """
            processor\t: 0
            model name\t: Example 9
            flags\t\t: fpu avx2 fma avx512f avx512_bf16 avx512_vnni

            processor\t: 1
            model name\t: Example 9
            flags\t\t: fpu
            """
        let processor = Processor(description: text)
        #expect(processor.name == "Example 9")
        #expect(
            processor.notableFeatures == ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"])
        #if !os(macOS)
            #expect(processor.hasBFloat16 && processor.hasIntegerDotProduct)
            #expect(!Processor(description: "flags: avx2").hasIntegerDotProduct)
        #endif
    }

    @Test("memory in bytes; the limit of a control group, or none")
    func memory() {
        let text = "MemTotal:       2048 kB\nMemFree:  9 kB\nMemAvailable:   1024 kB\n"
        let limited = SystemMemory(description: text, limit: "1000000\n")
        #expect(limited.total == 2048 << 10)
        #expect(limited.available == 1024 << 10)
        #expect(limited.limit == 1_000_000)
        #expect(SystemMemory(description: text, limit: "max\n").limit == nil)
        #expect(SystemMemory(description: "", limit: "").total > 0)
        #expect(SystemMemory(description: "MemTotal: 99999999999999999 kB", limit: "").total > 0)
    }
}
