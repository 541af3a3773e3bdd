import Testing
import Torch

@Suite("Creating tensors")
struct CreationTests {
    @Test("zeros, ones and full give constants")
    func constants() {
        #expect(Tensor.zeros([2, 2]).floats() == [0, 0, 0, 0])
        #expect(Tensor.ones([2], dtype: .int32).elements(as: Int32.self) == [1, 1])
        #expect(Tensor.full([2], 1.5, dtype: .float64).elements(as: Double.self) == [1.5, 1.5])
        #expect(Tensor.full([2], 3).floats() == [3, 3])
        #expect(Tensor.full([1], .infinity).floats() == [.infinity])
        #expect(Tensor.empty([3, 0]).elementCount == 0)
        #expect(Tensor.zeros([]).rank == 0)
        #expect(Tensor.zeros([]).shape == [])
    }

    @Test("int64 values keep all digits")
    func wholeNumbers() {
        let large = 1 << 53 + 1
        let x = Tensor.full([2], large, dtype: .int64)
        #expect(x.elements(as: Int.self) == [large, large])
        x.fill(with: -large)
        #expect(x.elements(as: Int.self) == [-large, -large])
        let y = Tensor.zeros([1])
        y.fill(with: .nan)
        #expect(y.floats()[0].isNaN)
    }

    @Test("arange gives PyTorch's ranges")
    func ranges() {
        #expect(Tensor.arange(to: 4).floats() == [0, 1, 2, 3])
        #expect(Tensor.arange(from: 1, to: 2, by: 0.25).floats() == [1, 1.25, 1.5, 1.75])
        #expect(Tensor.arange(to: 3, dtype: .int64).elements(as: Int.self) == [0, 1, 2])
    }

    @Test("the meta device computes shapes without memory")
    func meta() {
        let x = Tensor.empty([1_000_000, 1_000_000], device: Device(.meta))
        #expect((x + 1).transposed(0, 1)[3].shape == [1_000_000])
        #expect(x.device == Device(.meta))
    }
}
