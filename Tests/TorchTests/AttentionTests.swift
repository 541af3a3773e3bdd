import TestSupport
import Testing
import Torch

/// Sizes of one attention.
struct AttentionSizes: CustomTestStringConvertible, Sendable {
    var count = 1
    var heads = 1
    let queries: Int
    let keys: Int
    var keyWidth = 8
    var valueWidth = 8

    var testDescription: String {
        "\(count) x \(heads) heads, \(queries) x \(keyWidth) to \(keys) x \(valueWidth)"
    }

    /// From 256 x 256 pairs on, heads are computed one by one.
    static let all = [
        AttentionSizes(queries: 256, keys: 256),
        AttentionSizes(queries: 255, keys: 256),
        AttentionSizes(queries: 257, keys: 255),
        AttentionSizes(queries: 255, keys: 257),
        AttentionSizes(count: 2, heads: 3, queries: 256, keys: 256, keyWidth: 9, valueWidth: 5),
        AttentionSizes(count: 3, heads: 2, queries: 200, keys: 327, keyWidth: 5, valueWidth: 11),
        AttentionSizes(count: 3, heads: 2, queries: 200, keys: 328, keyWidth: 5, valueWidth: 11),
        AttentionSizes(count: 2, heads: 2, queries: 7, keys: 9363, keyWidth: 3, valueWidth: 4),
        AttentionSizes(count: 2, heads: 2, queries: 9363, keys: 7, keyWidth: 3, valueWidth: 4),
        AttentionSizes(count: 5, heads: 4, queries: 16, keys: 49, keyWidth: 12, valueWidth: 3),
        AttentionSizes(count: 2, heads: 3, queries: 1, keys: 1),
    ]
}

@Suite("All attention implementations agree")
struct AttentionTests {
    private func inputs(_ sizes: AttentionSizes) -> (query: Tensor, key: Tensor, value: Tensor) {
        let stream = Generator(seed: 3)
        func normal(_ tokens: Int, _ width: Int) -> Tensor {
            .normal([sizes.count, sizes.heads, tokens, width], generator: stream)
        }
        return (
            normal(sizes.queries, sizes.keyWidth), normal(sizes.keys, sizes.keyWidth),
            normal(sizes.keys, sizes.valueWidth)
        )
    }

    private func fused(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
        scaledDotProductAttention(query: query, key: key, value: value, scale: 1)
            .transposed(1, 2).flattened(from: 2)
    }

    @Test("attention agrees with libtorch's fused kernel", arguments: AttentionSizes.all)
    func agrees(sizes: AttentionSizes) {
        let (query, key, value) = inputs(sizes)
        let fast = withoutGrad { attention(query: query, key: key, value: value) }
        #expect(fast.shape == [sizes.count, sizes.queries, sizes.heads * sizes.valueWidth])
        expectClose(fast, fused(query, key, value), absolute: 1e-5)
        expectClose(
            fast, attention(query: query, key: key, value: value), absolute: 1e-5,
            "with gradients")
    }

    @Test("attention accepts inputs with other strides", arguments: [16, 256])
    func layouts(tokens: Int) {
        let stream = Generator(seed: 3)
        let parts = Tensor.normal([2, tokens, 3, 2, 5], generator: stream)
            .permuted([2, 0, 3, 1, 4])
        let expected = fused(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous())
        let found = withoutGrad { attention(query: parts[0], key: parts[1], value: parts[2]) }
        expectClose(found, expected, absolute: 1e-5)
    }

    @Test(
        "attention under autocast gives the same numbers with and without gradients",
        arguments: [16, 256])
    func autocast(tokens: Int) {
        let sizes = AttentionSizes(
            count: 2, heads: 2, queries: tokens, keys: tokens, valueWidth: 5)
        let (query, key, value) = inputs(sizes)
        let expected = fused(query, key, value)
        let found = withoutGrad {
            withAutocast(to: .bfloat16) { attention(query: query, key: key, value: value) }
        }
        expectClose(found.to(.float32), expected, absolute: 0, relativeL2: 0.02)
    }

    @Test(
        "gradients reach query, key and value", arguments: AttentionSizes.all,
        [DType.float32, .bfloat16])
    func gradients(sizes: AttentionSizes, precision: DType) throws {
        let (query, key, value) = inputs(sizes)
        // The columns appended to the keys are multiplied by the query's last columns.
        let own = sizes.keyWidth - 1
        let marks = Tensor.normal([sizes.keys, 1], generator: Generator(seed: 4))
        let leaves = [query * 0.3, key[.all, .all, .all, 0..<own], value]
            .map { $0.clone().requiringGrad() }
        let result = withAutocast(to: precision) {
            attention(query: leaves[0], key: leaves[1], value: leaves[2], marks: marks)
        }.to(.float32)
        let found = grad(of: [(result * result).sum()], withRespectTo: leaves)
        // The same computed in single steps.
        let whole = Tensor.concatenate(
            [leaves[1], marks.expanded([sizes.count, sizes.heads, -1, -1])], axis: -1)
        let weights = leaves[0].matmul(whole.transposed(2, 3)).softmax(axis: -1)
        let plain = weights.matmul(leaves[2])
        let expected = grad(of: [(plain * plain).sum()], withRespectTo: leaves)
        for (found, expected) in zip(found, expected) {
            let (found, expected) = (try #require(found), try #require(expected))
            if precision == .float32 {
                // With few keys and many queries, gradients are in the thousands.
                expectClose(found, expected, absolute: 2e-5, relativeL2: 5e-6)
            } else {
                expectClose(found, expected, absolute: 1e-2, relativeL2: 0.05)
            }
        }
    }
}
