import Checkpoints
import TestSupport
import Testing
import Torch
import TorchNN

@Suite("Weights from a file")
struct TensorSourceTests {
    static let types: [DType] = [
        .float32, .float16, .bfloat16, .float64, .int64, .int32, .uint8, .bool,
    ]

    @Test("weights of a file are converted to the parameter's type as in PyTorch", arguments: types)
    func converts(from source: DType) throws {
        let file = Shared.package.appending(path: "Tests/Fixtures/torch/conversion.safetensors")
        let checkpoint = try Checkpoint.read(file.path)
        let name = "\(source).input"
        #expect(checkpoint.shape(of: name) == [8])
        #expect(checkpoint.shape(of: "nothing") == nil)
        for target in Self.types {
            let expected = try Golden("torch/conversion")["\(source).\(target)"]
            let found = Tensor.zeros([8], dtype: target)
            try checkpoint.read(name, into: found)
            expectClose(found, expected, absolute: 0, "\(target)")
            // Every second element of a larger tensor, which is not contiguous.
            let gaps = Tensor.zeros([8, 2], dtype: target)
            try checkpoint.read(name, into: gaps[.all, 1])
            expectClose(gaps[.all, 1], expected, absolute: 0, "\(target) with gaps")
        }
    }
}
