import Testing
import Torch

@Suite("Concurrency")
struct ConcurrencyTests {
    @Test("16 tasks compute identical results, forward and backward")
    func identicalResults() async {
        @Sendable func compute() -> [[Float]] {
            let stream = Generator(seed: 7)
            let x = Tensor.normal([2, 4, 16, 16], generator: stream).requiringGrad()
            let kernel = Tensor.normal([8, 4, 3, 3], generator: stream).requiringGrad()
            let weight = Tensor.normal([32, 16], generator: stream).requiringGrad()
            let y = gelu(convolution2d(x, weight: kernel, padding: 1)).matmul(
                weight.transposed(0, 1))
            let loss = (y.softmax(axis: -1) * y).mean()
            let gradients = grad(of: [loss], withRespectTo: [x, kernel, weight])
            return [loss.floats()] + gradients.compactMap { $0?.floats() }
        }
        let expected = compute()
        #expect(expected.count == 4)
        await withTaskGroup(of: [[Float]].self) { group in
            for _ in 0..<16 {
                group.addTask { compute() }
            }
            for await found in group {
                #expect(found == expected)
            }
        }
    }
}
