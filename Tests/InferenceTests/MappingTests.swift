import Testing

@testable import Inference

@Suite("A line of a process's mappings")
struct MappingTests {
    @Test("says where a file lies, and whether it can be written to")
    func parts() throws {
        let line = "7f1c2a000000-7f1c2b000000 r--p 00001000 fd:01 1234      /a folder/model.blob"
        let mapping = try #require(Mapping(line[...]))
        #expect(mapping.start == 0x7f1c_2a00_0000)
        #expect(mapping.count == 1 << 24)
        #expect(!mapping.isWritable)
        #expect(mapping.path == "/a folder/model.blob")
        let heap = try #require(Mapping("55d0-55e0 rw-p 00000000 00:00 0    [heap]"))
        #expect(heap.isWritable)
    }

    @Test("is there for every library of this process", .enabled(if: Mapping.all.count > 0))
    func all() {
        #expect(
            Mapping.all.contains { $0.path.contains("libswiftCore") || $0.path.contains("libc") })
        #expect(Mapping.all.contains { $0.path == "[stack]" && $0.isWritable })
    }

    @Test("that has no file, or is none, is passed over")
    func others() {
        #expect(Mapping("7f1c2a000000-7f1c2b000000 rw-p 00000000 00:00 0") == nil)
        #expect(Mapping("") == nil)
        #expect(Mapping("5-3 r--p 0 0 0 /a") == nil)
    }
}
