import TestSupport
import Testing
import Torch

/// Sizes of one product.
struct ProductSizes: CustomTestStringConvertible, Sendable {
    let rows: [Int]
    let inputs: Int
    let outputs: Int

    var testDescription: String { "\(rows) x \(inputs) by \(inputs) x \(outputs)" }

    /// Odd sizes, a single column on either side, and fewer rows than oneDNN is used for.
    static let all = [
        ProductSizes(rows: [64], inputs: 16, outputs: 8),
        ProductSizes(rows: [67], inputs: 13, outputs: 7),
        ProductSizes(rows: [3, 37], inputs: 31, outputs: 33),
        ProductSizes(rows: [2, 7, 9], inputs: 5, outputs: 1),
        ProductSizes(rows: [129], inputs: 1, outputs: 3),
        ProductSizes(rows: [63], inputs: 13, outputs: 7),
        ProductSizes(rows: [1], inputs: 13, outputs: 7),
        ProductSizes(rows: [], inputs: 13, outputs: 7),
    ]
}

@Suite("The linear layer agrees with libtorch's product, with and without gradients")
struct LinearTests {
    private func normal(_ shape: [Int], seed: UInt64) -> Tensor {
        .normal(shape, generator: Generator(seed: seed))
    }

    /// libtorch's layer in float64, for which oneDNN is not used.
    private func plain(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        linear(x.to(.float64), weight: weight.to(.float64), bias: bias?.to(.float64)).to(.float32)
    }

    /// Without gradients, compared with libtorch's product and a separate GELU.
    private func expectSame(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: LinearActivation = .none,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let plain = plain(x, weight, bias)
        let fast = withoutGrad { linear(x, weight: weight, bias: bias, activation: activation) }
        expectClose(
            fast, activation == .gelu ? gelu(plain) : plain, absolute: 1e-5,
            sourceLocation: sourceLocation)
        #expect(fast.isContiguous, sourceLocation: sourceLocation)
    }

    @Test(
        "results agree for odd sizes, with and without a bias", arguments: ProductSizes.all,
        [false, true])
    func sizes(sizes: ProductSizes, hasBias: Bool) {
        let x = normal(sizes.rows + [sizes.inputs], seed: 1)
        let weight = normal([sizes.outputs, sizes.inputs], seed: 2)
        let bias = hasBias ? normal([sizes.outputs], seed: 3) : nil
        for activation in [LinearActivation.none, .gelu] {
            expectSame(x, weight: weight, bias: bias, activation: activation)
        }
    }

    @Test("gradients of input, weight and bias agree", arguments: ProductSizes.all, [false, true])
    func gradients(sizes: ProductSizes, hasBias: Bool) throws {
        let all = [
            normal(sizes.rows + [sizes.inputs], seed: 1),
            normal([sizes.outputs, sizes.inputs], seed: 2), normal([sizes.outputs], seed: 3),
        ]
        let wanted = normal(sizes.rows + [sizes.outputs], seed: 4)
        // With all tensors trainable, and with each of them frozen; a frozen weight still passes
        // gradients.
        for frozen in [nil, 0, 1, 2] where hasBias || frozen != 2 {
            let leaves = all.prefix(hasBias ? 3 : 2).enumerated().map {
                $0.element.clone().requiringGrad($0.offset != frozen)
            }
            let trained = leaves.filter(\.requiresGrad)
            func gradients(_ y: Tensor) -> [Tensor?] {
                grad(of: [(gelu(y) * wanted).sum()], withRespectTo: trained)
            }
            let bias = hasBias ? leaves[2] : nil
            let found = linear(leaves[0], weight: leaves[1], bias: bias, activation: .gelu)
            let fused = grad(of: [(found * wanted).sum()], withRespectTo: trained)
            let expected = gradients(plain(leaves[0], leaves[1], bias))
            for (found, expected) in zip(fused, expected) {
                expectClose(
                    try #require(found), try #require(expected), absolute: 1e-5, relativeL2: 1e-5)
            }
        }
    }

    @Test("input, weight and bias can have other strides")
    func layouts() {
        let x = normal([65, 2, 12], seed: 1)
        let weight = normal([10, 12], seed: 2)
        let bias = normal([10, 3], seed: 3)
        expectSame(x.transposed(0, 1), weight: weight, bias: bias[.all, 1].contiguous())
        expectSame(
            normal([12, 130], seed: 1).transposed(0, 1), weight: weight, bias: nil)
        expectSame(
            normal([1, 12], seed: 1).expanded([80, 12]), weight: weight, bias: nil)
        let transposed = normal([12, 10], seed: 2).transposed(0, 1)
        let gaps = normal([10, 24], seed: 2)[.all, Span(by: 2)]
        let shifted = normal([11, 12], seed: 2)[1..<11]
        for other in [transposed, gaps, shifted] {
            expectSame(x, weight: other, bias: nil)
            expectSame(x, weight: other, bias: bias[.all, 1], activation: .gelu)
        }
        let repeated = normal([1], seed: 3).expanded([10])
        for other in [bias[.all, 1], bias.transposed(0, 1)[2], repeated] {
            #expect(!other.isContiguous)
            expectSame(x, weight: weight, bias: other)
            expectSame(x, weight: weight, bias: other, activation: .gelu)
        }
    }

    @Test("inputs without rows or without columns are supported")
    func empty() {
        for activation in [LinearActivation.none, .gelu] {
            expectSame(
                .zeros([0, 5]), weight: normal([3, 5], seed: 1), bias: normal([3], seed: 2),
                activation: activation)
            for rows in [5, 100] {
                expectSame(
                    .zeros([rows, 0]), weight: .zeros([3, 0]), bias: normal([3], seed: 2),
                    activation: activation)
            }
        }
    }

    @Test("types other than float32 use libtorch", arguments: [DType.float64, .bfloat16])
    func types(dtype: DType) {
        let x = normal([70, 9], seed: 1).to(dtype)
        let weight = normal([4, 9], seed: 2).to(dtype)
        let found = withoutGrad { linear(x, weight: weight, activation: .gelu) }
        #expect(found.dtype == dtype)
        expectClose(found, gelu(linear(x, weight: weight)), absolute: 0)
    }

    @Test("autocast applies with and without oneDNN", arguments: [LinearActivation.none, .gelu])
    func autocast(activation: LinearActivation) {
        let x = normal([70, 33], seed: 1)
        let weight = normal([9, 33], seed: 2)
        let bias = normal([9], seed: 3)
        let product = { linear(x, weight: weight, bias: bias, activation: activation) }
        let plain = withAutocast(to: .bfloat16) { product() }
        let fast = withoutGrad { withAutocast(to: .bfloat16) { product() } }
        #expect(plain.dtype == .bfloat16)
        // Two units in the last place of a bfloat16.
        expectClose(fast, plain, absolute: 0, relativeL2: 0.008)
        expectClose(fast.to(.float32), product(), absolute: 0, relativeL2: 0.01)
        withAutocast(to: .bfloat16) {
            withAutocast(to: .float32) {
                expectClose(withoutGrad { product() }, product(), absolute: 1e-5)
            }
        }
    }

    @Test("a scalar bias and a one-axis weight use libtorch")
    func leftToLibtorch() {
        let x = normal([70, 5], seed: 1)
        expectSame(x, weight: normal([3, 5], seed: 2), bias: normal([1], seed: 3))
        expectSame(x, weight: normal([5], seed: 2), bias: nil)
    }
}
