import Checkpoints
import Foundation
import Testing

@Suite("Safetensors files are written and read")
struct SafetensorsTests {
    @Test(
        "tensors and metadata are read as they were written",
        arguments: ["element-types.pth", "views-legacy.pth", "shapes.safetensors", "mixed.pth"])
    func roundTrip(name: String) throws {
        let folder = try TemporaryFolder()
        let original = try Checkpoint.read(Fixtures.path(name))
        let metadata = ["licence": "MIT", "quote\"\\\n\u{1}é": "\u{1F9E0}"]
        let tensors = original.names.compactMap { name in original[name].map { (name, $0) } }
        try Safetensors.write(tensors, metadata: metadata, to: folder.path("out"))
        let found = try Checkpoint.read(folder.path("out"))
        #expect(found.metadata == metadata)
        #expect(found.format == .safetensors)
        try expectEqual(found, original)
        #expect(try folder.contents == ["out"])
    }

    @Test("a file can be replaced by one with its own tensors")
    func overItself() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(try Fixtures.bytes("module.safetensors"))
        let original = try Checkpoint.read(path)
        let scale = try #require(original["scale"])
        try Safetensors.write([("a", scale), ("b", scale)], to: path)
        #expect(try Checkpoint.read(path)["b"]?.elements(as: Float.self) == [1, 1, 1])
    }

    @Test("after an error the old file is unchanged and no temporary file is left")
    func failure() throws {
        let folder = try TemporaryFolder()
        let old = try folder.file(named: "old", [1, 2, 3])
        let source = try folder.file(named: "source", try Fixtures.bytes("module.safetensors"))
        let tensor = try #require(try Checkpoint.read(source)["layer.weight"])
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: source))
        try handle.truncate(atOffset: 8)
        #expect(throws: CheckpointError.changedWhileOpen(path: source)) {
            try Safetensors.write([("weight", tensor)], to: old)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == Data([1, 2, 3]))
        #expect(try folder.contents == ["old", "source"])
    }

    @Test("paths that cannot be written, and repeated names, are refused")
    func places() throws {
        let folder = try TemporaryFolder()
        let tensors = [("x", StoredTensor([UInt8(1)], shape: [1]))]
        let absent = folder.path("absent/file")
        #expect(
            throws: CheckpointError.writeFailed(path: absent, reason: "No such file or directory")
        ) { try Safetensors.write(tensors, to: absent) }
        let taken = folder.url.path
        #expect(throws: CheckpointError.self) { try Safetensors.write(tensors, to: taken) }
        #expect(try folder.contents == [])
        #expect(throws: CheckpointError.duplicateName("x")) {
            try Safetensors.write(tensors + tensors, to: folder.path("out"))
        }
    }

    @Test("the bytes of a tensor can be computed while writing")
    func closure() throws {
        let folder = try TemporaryFolder()
        let tensor = StoredTensor(elementType: .int16, shape: [2]) { destination in
            destination.storeBytes(of: 0x0201, as: UInt16.self)
            destination.storeBytes(of: 0x0403, toByteOffset: 2, as: UInt16.self)
        }
        try Safetensors.write([("x", tensor)], to: folder.path("out"))
        let found = try Checkpoint.read(folder.path("out"))
        #expect(try found["x"]?.elements(as: Int16.self) == [0x0201, 0x0403])
    }

    @Test("tensors with larger elements are written first, so that all are aligned")
    func alignment() throws {
        let folder = try TemporaryFolder()
        try Safetensors.write(
            [("a", StoredTensor([UInt8(1)], shape: [])), ("b", StoredTensor([2.0], shape: [1]))],
            to: folder.path("out"))
        #expect(try Checkpoint.read(folder.path("out")).names == ["b", "a"])
    }

    @Test(
        "headers that violate the format are refused",
        arguments: [
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}x"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}}"#,
            #"{"a":{"dtype":"U8","shape":[2],"shape":[2],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#,
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[-2],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[02],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"F64","shape":[1152921504606846976,16],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[0,9223372036854775807,9],"data_offsets":[0,0]}}"#,
            #"{"a":{"dtype":"u8","shape":[2],"data_offsets":[0,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","#
                + #""shape":[0],"data_offsets":[2,2]}}"#,
            #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","#
                + #""shape":[1],"data_offsets":[1,2]}}"#,
            #"{"__metadata__":{"a":1},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            #"{"__metadata__":{"k":"v","k":"v"}}"#, #"{"\ud800":{}}"#, #"{"\q":{}}"#, "{", "{\"",
            "{\"a\":", #"{"a":{"dtype":"U8","shape":["#, "{\"a\u{1}\":{}}",
        ])
    func strict(header: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file(Self.file(header, data: [7, 8]))
        #expect(throws: CheckpointError.self) { try Checkpoint.read(path) }
    }

    @Test("white space, escapes and any order of keys in a header are accepted")
    func lenient() throws {
        let header = """
            { "é\\u00e9\\ud83e\\udde0\\/" : {"shape" : [ 1, 2 ],\t"data_offsets":[0 , 2],
            "dtype":"U8"} }\u{20}\u{20}
            """
        let folder = try TemporaryFolder()
        let found = try Checkpoint.read(try folder.file(Self.file(header, data: [7, 8])))
        #expect(found.names == ["éé\u{1F9E0}/"])
        #expect(try found["éé\u{1F9E0}/"]?.elements(as: UInt8.self) == [7, 8])
    }

    @Test("a header that is not UTF-8 is refused")
    func invalidText() throws {
        let folder = try TemporaryFolder()
        var bytes = Self.file(#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#, data: [])
        bytes[10] = 0xFF
        let path = try folder.file(bytes)
        #expect(
            throws: CheckpointError.malformed("text that is not UTF-8 in the header", offset: 12)
        ) { try Checkpoint.read(path) }
    }

    static func file(_ header: String, data: [UInt8]) -> [UInt8] {
        let count = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + header.utf8 + data
    }
}
