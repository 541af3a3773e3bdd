import Checkpoints
import Testing

@Suite("Conversion of weights to 16 bits, and refusal of NaN and infinity")
struct FiniteTests {
    private func golden() throws -> Checkpoint {
        try Checkpoint.read(
            Fixtures.package.appendingPathComponent("Tests/Fixtures/half.safetensors").path)
    }

    @Test(
        "conversion to 16 bits equals PyTorch's bit for bit",
        arguments: [
            ("float32", ElementType.bfloat16), ("fits", .float16), ("double", .float16),
            ("double", .bfloat16), ("half", .bfloat16), ("short", .float16),
        ])
    func rounding(name: String, type: ElementType) throws {
        let file = try golden()
        let source = try #require(file[name])
        let expected = try #require(file["\(name).\(type.rawValue)"])
        let found = source.finite(named: name, as: type)
        #expect(found.elementType == type)
        #expect(try found.bytes() == expected.bytes())
    }

    @Test("NaN, infinity and numbers that are too large for 16 bits are refused")
    func refusals() throws {
        for value in [Float.nan, .infinity, -.infinity] {
            let single = StoredTensor([1, value], shape: [2])
            let double = StoredTensor([1, Double(value)], shape: [2])
            for tensor in [single, double] {
                for type in [nil, ElementType.float16, .bfloat16] {
                    #expect(throws: CheckpointError.notFinite(tensor: "w")) {
                        try tensor.finite(named: "w", as: type).bytes()
                    }
                }
            }
        }
        let large = StoredTensor([Float(65520)], shape: [1])
        #expect(
            throws: CheckpointError.outOfRange(tensor: "w", value: "65520.0", type: .float16)
        ) {
            try large.finite(named: "w", as: .float16).bytes()
        }
        #expect(try large.finite(named: "w", as: .bfloat16).bytes().count == 2)
        #expect(try large.finite(named: "w").bytes() == large.bytes())
        let whole = StoredTensor([Int64.max], shape: [1])
        #expect(whole.finite(named: "w", as: .float16).elementType == .int64)
    }

    @Test("no file is written if a tensor is refused while writing")
    func writing() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("out.safetensors")
        var reported: [Int] = []
        #expect(throws: CheckpointError.notFinite(tensor: "b")) {
            try Safetensors.write(
                [
                    ("a", StoredTensor([Float(1)], shape: [1]).finite(named: "a")),
                    ("b", StoredTensor([Float.nan], shape: [1]).finite(named: "b")),
                ], to: path
            ) { reported.append($0) }
        }
        #expect(reported == [0, 1])
        #expect(throws: CheckpointError.notFound(path: path)) { try Checkpoint.read(path) }
    }
}
