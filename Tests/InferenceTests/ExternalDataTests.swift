import Testing

@testable import Inference

@Suite("References of an ONNX file to weights in another file are detected")
struct ExternalDataTests {
    private func scan(_ pieces: [[UInt8]]) -> ExternalDataScan {
        var data = ExternalDataScan()
        for piece in pieces { data.scan(piece) }
        data.finish()
        return data
    }

    /// Field 1 of an entry: the key `location`, with its length encoded in one or three bytes.
    private let short: [UInt8] = [0x0A, 0x08] + "location".utf8
    private let long: [UInt8] = [0x0A, 0x88, 0x80, 0x00] + "location".utf8

    /// A whole entry (field 13 of TensorProto) of a key and a name.
    private func entry(_ name: String) -> [UInt8] {
        let content = short + value(name)
        return [0x6A, UInt8(content.count)] + content
    }

    /// Field 2 of an entry: the name of the other file.
    private func value(_ name: String) -> [UInt8] {
        [0x12, UInt8(name.utf8.count)] + name.utf8
    }

    @Test(
        "references to other files are found at any position relative to chunks",
        arguments: 0..<40)
    func cuts(at place: Int) {
        for key in [short, long] {
            let bytes = [UInt8](repeating: 0x6C, count: 5) + key + value("/etc/passwd")
            let cut = min(place, bytes.count)
            for pieces in [[Array(bytes[..<cut]), Array(bytes[cut...])], bytes.map { [$0] }] {
                let found = scan(pieces)
                #expect(found.found && found.foundForeign)
            }
        }
    }

    @Test(
        "references to the bundle's own weights are no foreign ones, wherever chunks are cut",
        arguments: 0..<50)
    func own(at place: Int) {
        let reference = entry("weights.safetensors")
        let bytes = [1, 2, 3] + reference + [UInt8](repeating: 0x6C, count: 9) + reference
        let cut = min(place, bytes.count)
        for pieces in [[Array(bytes[..<cut]), Array(bytes[cut...])], bytes.map { [$0] }] {
            let found = scan(pieces)
            #expect(found.found && !found.foundForeign)
        }
        let mixed = scan([bytes + entry("weights.safetensor2")])
        #expect(mixed.foundForeign)
    }

    @Test(
        "a reference in another encoding, cut off or to a longer name is foreign",
        arguments: ["../weights.safetensors", "weights.safetensors/x", "weights.safetensor", ""])
    func names(name: String) {
        #expect(scan([entry(name)]).foundForeign)
        #expect(
            scan([short + [0x12, 0x93, 0x00] + Array("weights.safetensors".utf8)]).foundForeign)
        #expect(scan([short]).foundForeign)
    }

    @Test(
        "an entry whose name another reader could take from elsewhere is foreign",
        arguments: 0..<90)
    func ambiguous(at place: Int) {
        let own = value("weights.safetensors")
        // Protobuf takes the last of two names.
        let twice = short + own + value("/etc/passwd")
        // The name comes before the key, and what follows the entry is skipped as unknown.
        let before = value("/etc/passwd") + short
        for bytes in [
            [0x6A, UInt8(twice.count)] + twice, [0x6A, UInt8(before.count)] + before + own,
            [0x6A, 0xA0, 0x00] + short + own, [0x6A, 0x20] + short + own, short + own,
        ] {
            let cut = min(place, bytes.count)
            #expect(scan([Array(bytes[..<cut]), Array(bytes[cut...])]).foundForeign)
        }
    }

    @Test("the word location in a text is not a reference")
    func texts() {
        #expect(!scan([Array("the allocation at its location".utf8)]).found)
        #expect(!scan([[], Array(short.dropLast()), [0]]).found)
    }
}
