import TestSupport
import Testing
import Torch

@Suite("Autocast")
struct AutocastTests {
    @Test("types and numbers are those of PyTorch's autocast")
    func agrees() throws {
        let golden = try Fixtures.autocast.get()
        let weight = golden["weight"].requiringGrad()
        let (product, scores, normed) = withAutocast(to: .bfloat16) {
            let product = linear(golden["x"], weight: weight, bias: golden["bias"])
            let normed = layerNorm(
                product, shape: [4], weight: golden["scale"], bias: nil, epsilon: 1e-5)
            return (product, product.softmax(axis: -1), normed)
        }
        #expect(product.dtype == .bfloat16)
        // One unit in the last place of a bfloat16 of this size, for kernels that add in another
        // order.
        expectClose(product, golden["product"], absolute: 0.016)
        expectClose(scores, golden["scores"], absolute: 0.016)
        expectClose(normed, golden["normed"], absolute: 0.016)
        #expect(weight.dtype == .float32)
        product.sum().backward()
        #expect(weight.grad?.dtype == .float32)
    }

    @Test("autocast nests, ends with its closure and stays on its thread")
    func nesting() {
        let x = Tensor.ones([2, 2])
        let dtype: @Sendable () -> DType = { x.matmul(x).dtype }
        struct Stop: Error {}
        withAutocast(to: .bfloat16) {
            #expect(dtype() == .bfloat16)
            withAutocast(to: .float16) { #expect(dtype() == .float16) }
            #expect(dtype() == .bfloat16)
            withAutocast(to: .float32) {
                #expect(dtype() == .float32)
                withAutocast(to: .float16) { #expect(dtype() == .float16) }
                #expect(dtype() == .float32)
            }
            #expect(dtype() == .bfloat16)
            #expect(throws: Stop.self) { try withAutocast(to: .float16) { throw Stop() } }
            #expect(dtype() == .bfloat16)
            #expect(onAnotherThread(dtype) == .float32)
        }
        #expect(dtype() == .float32)
        withAutocast(to: .float32) { #expect(dtype() == .float32) }
    }

    @Test("a weight changed between two closures is cast again")
    func weightsAreCastAnew() {
        let weight = Tensor.ones([1, 1]).requiringGrad()
        let product = { withAutocast(to: .bfloat16) { weight.matmul(Tensor.ones([1, 1])).item() } }
        #expect(product() == 1)
        withoutGrad { weight.fill(with: 2) }
        #expect(product() == 2)
    }
}
