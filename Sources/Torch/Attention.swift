import CTorch

/// Multi-head attention with scaled queries: `softmax(q k^T) v`.
///
/// On the CPU, long sequences are computed head by head, so that the weights of one head stay in
/// the processor's cache between the two products; backward recomputes the weights. Other devices
/// and traces use libtorch's fused operator. All implementations agree up to rounding.
///
/// - Parameters:
///   - query: `[N, heads, T, C + M]`.
///   - key: `[N, heads, S, C]`.
///   - value: `[N, heads, S, D]`.
///   - marks: constants appended to each head's keys, `[S, M]`; they get no gradient.
/// - Returns: the heads concatenated, `[N, T, heads D]`.
public func attention(query: Tensor, key: Tensor, value: Tensor, marks: Tensor? = nil) -> Tensor {
    guard query.device.kind == .cpu, !Trace.isRecording else {
        return scaledDotProductAttention(
            query: query, key: marked(key, with: marks), value: value, scale: 1
        ).transposed(1, 2).flattened(from: 2)
    }
    if ct_grad_enabled(), query.requiresGrad || key.requiresGrad || value.requiresGrad {
        return attentionWithGradient(query: query, key: key, value: value, marks: marks)
    }
    let key = marked(key, with: marks)
    return query.size(2) * key.size(2) < largeHead
        ? allHeads(query, key, value) : headByHead(query, key, value)
}

extension Tensor {
    /// Splits the last axis into attention heads; all axes between the first and the last become
    /// one.
    ///
    /// - Parameter heads: number of heads; divides D.
    /// - Returns: `[B, heads, T, D / heads]` for `[B, T, D]` or `[B, H, W, D]` with T = H W.
    public func splitHeads(_ heads: Int) -> Tensor {
        let shape =
            rank == 3
            ? [size(0), size(1), heads, -1] : [size(0), -1, heads, size(rank - 1) / heads]
        return reshaped(shape).transposed(1, 2)
    }
}

/// Number of query-key pairs from which on heads are computed one by one.
let largeHead = 256 * 256

/// `[N, heads, S, C]` with `[S, M]` appended to each head.
func marked(_ key: Tensor, with marks: Tensor?) -> Tensor {
    guard let marks else { return key }
    return .concatenate(
        [key, marks.to(key.dtype).expanded([key.size(0), key.size(1), -1, -1])], axis: -1)
}

func headByHead(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
    let (count, heads, tokens) = (query.size(0), query.size(1), query.size(2))
    let (query, key) = (query.contiguous(), key.contiguous())
    let values = value.transposed(2, 3).contiguous()
    let result = Tensor.empty([count, tokens, heads, value.size(3)], dtype: value.dtype)
    for item in 0..<count {
        for head in 0..<heads {
            let weights = linear(query[item, head], weight: key[item, head])
            weights.softmaxInPlace()
            result[item, .all, head].assign(from: linear(weights, weight: values[item, head]))
        }
    }
    return result.flattened(from: 2)
}

func allHeads(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> Tensor {
    let weights = query.matmul(key.transposed(2, 3))
    weights.softmaxInPlace()
    return weights.matmul(value).transposed(1, 2).flattened(from: 2)
}

extension Tensor {
    /// Softmax along the last axis, written into this tensor's own memory.
    func softmaxInPlace() {
        _ = call("_softmax.out", self, -1, false, self)
    }
}

/// Attention with gradients on the CPU: stores query, key and value for backward and recomputes the
/// attention weights.
///
/// libtorch's fused kernel does the same, but only if keys and values have the same width, and its
/// backward is slower; its unfused kernel stores the weights twice (measured by
/// `Benchmarks/bench.py training`).
///
/// - Parameters:
///   - query: `[N, heads, T, C + M]`.
///   - key: `[N, heads, S, C]`.
///   - value: `[N, heads, S, D]`.
///   - marks: constants appended to each head's keys, `[S, M]`.
/// - Returns: the heads concatenated, `[N, T, heads D]`.
func attentionWithGradient(query: Tensor, key: Tensor, value: Tensor, marks: Tensor?) -> Tensor {
    let mode = AutocastMode.current(on: .cpu)
    let inputs = [query, key, value].map(mode.cast)
    let pass = AttentionPass(
        query: inputs[0].detached(), key: inputs[1].detached(), value: inputs[2].detached(),
        marks: marks?.to(inputs[1].dtype))
    let result = withoutGrad { mode.suspended { pass.forward() } }
    return withCustomGradient([result], inputs: inputs) { gradients in
        guard let gradient = gradients[0] else { return [nil, nil, nil] }
        return mode.suspended { pass.backward(gradient) }
    }[0]
}

/// Shared by the forward and backward pass of one attention.
private struct AttentionPass {
    let query: Tensor
    let key: Tensor
    let value: Tensor
    let marks: Tensor?

    /// Whether the weights of one head fill much of the cache; heads are then computed one by one.
    private var isLarge: Bool { query.size(2) * key.size(2) >= largeHead }

    private var markedKey: Tensor { marked(key, with: marks) }

    func forward() -> Tensor {
        guard isLarge else { return allHeads(query, markedKey, value) }
        guard query.dtype != .float32 else { return headByHead(query, markedKey, value) }
        // The fused kernel requires the same width for keys and values.
        let (width, own) = (query.size(3), value.size(3))
        guard width >= own else { return headByHead(query, markedKey, value) }
        return scaledDotProductAttention(
            query: query, key: markedKey,
            value: width == own ? value : value.padded([0, width - own]), scale: 1)[
                .all, .all, .all, 0..<own
            ].transposed(1, 2).flattened(from: 2)
    }

    /// - Parameter gradient: `[N, T, heads D]`.
    /// - Returns: the gradients of query, key and value.
    func backward(_ gradient: Tensor) -> [Tensor?] {
        let shape = [query.size(0), query.size(2), query.size(1), value.size(3)]
        let gradient = gradient.reshaped(shape).transposed(1, 2)
        return isLarge ? oneByOne(gradient) : together(gradient)
    }

    private func together(_ gradient: Tensor) -> [Tensor] {
        let key = markedKey
        let weights = query.matmul(key.transposed(2, 3))
        weights.softmaxInPlace()
        let gradient = gradient.contiguous()
        let ofValue = weights.transposed(2, 3).matmul(gradient)
        let scores = gradient.matmul(value.transposed(2, 3))
        scores.softmaxGradientInPlace(weights)
        return [scores.matmul(key), scores.transposed(2, 3).matmul(ownQuery), ofValue]
    }

    private func oneByOne(_ gradient: Tensor) -> [Tensor] {
        let (query, key, value) = (query.contiguous(), markedKey, value)
        let results =
            [Tensor.empty(query.shape, dtype: query.dtype)]
            + [self.key, value].map { Tensor.empty($0.shape, dtype: $0.dtype) }
        let pairs = [query.size(2), key.size(2)]
        let (weights, scores) = (
            Tensor.empty(pairs, dtype: query.dtype), Tensor.empty(pairs, dtype: query.dtype)
        )
        for item in 0..<query.size(0) {
            for head in 0..<query.size(1) {
                let here = gradient[item, head]
                weights.assign(product: query[item, head], key[item, head].transposed(0, 1))
                weights.softmaxInPlace()
                results[2][item, head].assign(product: weights.transposed(0, 1), here)
                scores.assign(product: here, value[item, head].transposed(0, 1))
                scores.softmaxGradientInPlace(weights)
                results[0][item, head].assign(product: scores, key[item, head])
                results[1][item, head].assign(
                    product: scores.transposed(0, 1), ownQuery[item, head])
            }
        }
        return results
    }

    /// The query without the columns for the marks, which need no gradient.
    private var ownQuery: Tensor { query[.all, .all, .all, 0..<key.size(3)] }
}

extension Tensor {
    /// Writes a product of two matrices into this tensor's memory.
    fileprivate func assign(product a: Tensor, _ b: Tensor) {
        _ = call("mm.out", a, b, self)
    }

    /// Turns the gradient of a softmax along the last axis into that of its input, in place.
    fileprivate func softmaxGradientInPlace(_ result: Tensor) {
        _ = call("_softmax_backward_data.out", self, result, -1, dtype, self)
    }
}
