import Testing

@testable import Inference

@Suite("References of an ONNX file to weights in another file are detected")
struct ExternalDataTests {
    private func isNamed(in pieces: [[UInt8]]) -> Bool {
        var data = ExternalDataScan()
        for piece in pieces { data.scan(piece) }
        return data.found
    }

    /// Field 1 of an entry: the key `location`, with its length encoded in one or three bytes.
    private let short: [UInt8] = [0x0A, 0x08] + "location".utf8
    private let long: [UInt8] = [0x0A, 0x88, 0x80, 0x00] + "location".utf8

    @Test(
        "references to external weights are found at any position relative to chunks",
        arguments: 0..<20)
    func cuts(at place: Int) {
        for key in [short, long] {
            let bytes = [UInt8](repeating: 0x6C, count: 5) + key + [1, 2, 3]
            let cut = min(place, bytes.count)
            #expect(isNamed(in: [Array(bytes[..<cut]), Array(bytes[cut...])]))
            #expect(isNamed(in: bytes.map { [$0] }))
        }
    }

    @Test("the word location in a text is not a reference")
    func texts() {
        #expect(!isNamed(in: [Array("the allocation at its location".utf8)]))
        #expect(!isNamed(in: [[], Array(short.dropLast()), [0]]))
    }
}
